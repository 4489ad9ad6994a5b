package tcb

import (
	"context"
	"net/http"
	"strings"
)

// GetUploadSignatureRequest is the body of POST /tcb/getuploadsignature.
type GetUploadSignatureRequest struct {
	// HashedPayload is the SHA-256 of the upload's exact body: 64 lower-case
	// hex characters.
	HashedPayload *string `json:"hashed_payload,omitempty"`
}

// GetUploadSignatureResponse is the answer. A success has both members.
type GetUploadSignatureResponse struct {
	Status
	// Headers are the upload's headers: lines of Name:value joined by CRLF.
	Headers string `json:"headers"`
}

func (r *GetUploadSignatureResponse) lacks() string { return firstEmpty("headers", r.Headers) }

// GetUploadSignature calls POST /tcb/getuploadsignature. It returns the headers
// of an upload of exactly the body whose SHA-256 is given in lower-case hex,
// which are good for five minutes. UploadFunction makes the whole upload.
func (c *Client) GetUploadSignature(ctx context.Context, hashedPayload string) (http.Header, error) {
	const name = "getuploadsignature"
	var answer GetUploadSignatureResponse
	err := c.call(ctx, tcbRoute(name), GetUploadSignatureRequest{HashedPayload: &hashedPayload}, &answer)
	if err != nil {
		return nil, err
	}
	header := http.Header{}
	for line := range strings.SplitSeq(answer.Headers, "\r\n") {
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, &AnswerError{Interface: name, Status: http.StatusOK, Reason: "has a header line without a colon"}
		}
		header.Set(strings.TrimSpace(key), strings.TrimSpace(value))
	}
	return header, nil
}
