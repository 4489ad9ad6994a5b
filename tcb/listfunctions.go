package tcb

import (
	"context"
	"iter"
)

// MaxFunctions is the number of functions that one listfunctions answers at
// most.
const MaxFunctions = 20

// ListFunctionsRequest is the body of POST /tcb/listfunctions.
type ListFunctionsRequest struct {
	Env    *string  `json:"env,omitempty"`
	Limit  *Integer `json:"limit,omitempty"`  // 1 to MaxFunctions; absent: 10
	Offset *Integer `json:"offset,omitempty"` // from 0; absent: 0
}

// ListFunctionsResponse is the answer. A success has all members; Functions is
// empty if no function stands at the offset.
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

// ListFunctions calls POST /tcb/listfunctions. It returns up to limit functions
// (1 to MaxFunctions) from offset on, and the number of all functions.
func (c *Client) ListFunctions(ctx context.Context, env string, offset, limit int64) ([]Function, int64, error) {
	var answer ListFunctionsResponse
	from, most := Integer(offset), Integer(limit)
	request := ListFunctionsRequest{Env: &env, Offset: &from, Limit: &most}
	err := c.call(ctx, tcbRoute("listfunctions"), request, &answer)
	return answer.Functions, answer.TotalCount, err
}

// AllFunctions yields every function of an environment, page by page. It ends
// with the first error.
func (c *Client) AllFunctions(ctx context.Context, env string) iter.Seq2[Function, error] {
	return func(yield func(Function, error) bool) {
		for offset := int64(0); ; {
			page, total, err := c.ListFunctions(ctx, env, offset, MaxFunctions)
			if err != nil {
				yield(Function{}, err)
				return
			}
			for _, f := range page {
				if !yield(f, nil) {
					return
				}
			}
			if offset += int64(len(page)); len(page) == 0 || offset >= total {
				return
			}
		}
	}
}
