package tcb

import "context"

// GetCodeSecretResponse is the answer of POST /tcb/getcodesecret
// (getCodeSecret). A success has both members.
type GetCodeSecretResponse struct {
	Status
	// CodeSecret is the code protection key: 64 characters of base64.
	CodeSecret string `json:"codesecret"`
}

func (r *GetCodeSecretResponse) lacks() string { return firstEmpty("codesecret", r.CodeSecret) }

// GetCodeSecret calls POST /tcb/getcodesecret (getCodeSecret). It returns the
// code protection key of the client's platform for its Mini Program: 64
// characters of base64. The interface needs permission set 49 or 64.
func (c *Client) GetCodeSecret(ctx context.Context) (string, error) {
	var answer GetCodeSecretResponse
	err := c.call(ctx, tcbRoute("getcodesecret"), nil, &answer)
	return answer.CodeSecret, err
}
