package tcb

// GetCodeSecretResponse answers POST /tcb/getcodesecret (getCodeSecret).
type GetCodeSecretResponse struct {
	Status
	// CodeSecret is the code protection key: 64 characters of base64.
	CodeSecret string `json:"codesecret"`
}
