package tcb

// DownloadFunctionRequest is the body of POST /tcb/downloadfunction
// (getFuntionLink [sic]).
type DownloadFunctionRequest struct {
	Env          *string `json:"env,omitempty"`
	FunctionName *string `json:"function_name,omitempty"`
}

// DownloadFunctionResponse answers it.
type DownloadFunctionResponse struct {
	Status
	// URL gives the zip to a plain GET, until it expires.
	URL string `json:"url"`
	// Checksum is the SHA-256 of the zip: 64 lower-case hex characters.
	Checksum string `json:"checksum"`
}
