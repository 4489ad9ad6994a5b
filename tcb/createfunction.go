package tcb

// CreateFunctionRequest is the body of POST /tcb/createfunction.
type CreateFunctionRequest struct {
	Env          *string `json:"env,omitempty"`
	FunctionName *string `json:"function_name,omitempty"`
}

// CreateFunctionResponse answers it.
type CreateFunctionResponse struct{ Status }
