package tcb

// ListFunctionsRequest is the body of POST /tcb/listfunctions.
type ListFunctionsRequest struct {
	Env    *string `json:"env,omitempty"`
	Limit  *int64  `json:"limit,omitempty"`  // 1 to 20; absent: 10
	Offset *int64  `json:"offset,omitempty"` // from 0; absent: 0
}

// ListFunctionsResponse answers it.
type ListFunctionsResponse struct {
	Status
	TotalCount int64      `json:"total_count"`
	Functions  []Function `json:"functions"`
}

// Function is one function in a list. Times are YYYY-MM-DD HH:MM:SS in the
// platform's zone, UTC+8.
type Function struct {
	Name    string `json:"name"`
	Runtime string `json:"runtime"`
	Status  string `json:"status"`
	AddTime string `json:"add_time"`
	ModTime string `json:"mod_time"`
}
