package tcb

// UseCloudAccessTokenRequest is the body of POST /tcb/usecloudaccesstoken
// (setCloudAccessToken). A "get" needs Action and Env; a "set" needs all.
type UseCloudAccessTokenRequest struct {
	Action       *string   `json:"action,omitempty"`
	Env          *string   `json:"env,omitempty"`
	Open         *bool     `json:"open,omitempty"`
	APIWhitelist *[]string `json:"api_whitelist,omitempty"`
	Version      *int64    `json:"version,omitempty"`
}

// UseCloudAccessTokenResponse answers a "get". A "set" is answered with the
// status and Open alone: APIWhitelist and Version are nil.
type UseCloudAccessTokenResponse struct {
	Status
	Open         bool      `json:"open"`
	APIWhitelist *[]string `json:"api_whitelist,omitempty"`
	Version      *int64    `json:"version,omitempty"`
}
