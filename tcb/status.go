package tcb

// Status is the head of every answer of a /tcb/* interface, and the whole
// answer of a failure.
type Status struct {
	ErrCode Code   `json:"errcode"`
	ErrMsg  string `json:"errmsg"`
}

// Success returns the status of a call that succeeded.
func Success() Status { return Status{ErrCode: OK, ErrMsg: OK.Text()} }
