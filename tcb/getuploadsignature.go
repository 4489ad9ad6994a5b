package tcb

// GetUploadSignatureRequest is the body of POST /tcb/getuploadsignature.
type GetUploadSignatureRequest struct {
	// HashedPayload is the SHA-256 of the upload's exact body: 64 lower-case
	// hex characters.
	HashedPayload *string `json:"hashed_payload,omitempty"`
}

// GetUploadSignatureResponse answers it.
type GetUploadSignatureResponse struct {
	Status
	// Headers are the upload's headers: lines of Name:value joined by CRLF.
	Headers string `json:"headers"`
}
