package tcb

// UpdateFunctionCodeResponse answers the upload, POST / with the headers of
// getuploadsignature, in the envelope of Tencent Cloud.
type UpdateFunctionCodeResponse struct {
	Response UpdateFunctionCodeResult `json:"Response"`
}

// UpdateFunctionCodeResult is the content of the envelope. Error is nil on
// success.
type UpdateFunctionCodeResult struct {
	Error     *CloudError `json:"Error,omitempty"`
	RequestID string      `json:"RequestId"`
}

// CloudError is a failure in the envelope of Tencent Cloud.
type CloudError struct {
	Code    string `json:"Code"`
	Message string `json:"Message"`
}
