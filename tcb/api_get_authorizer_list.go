package tcb

import "context"

// MaxAuthorizers is the number of Mini Programs that one api_get_authorizer_list
// answers at most.
const MaxAuthorizers = 500

// AuthorizerListRequest is the body of
// POST /cgi-bin/component/api_get_authorizer_list.
type AuthorizerListRequest struct {
	ComponentAppID *string  `json:"component_appid,omitempty"`
	Offset         *Integer `json:"offset,omitempty"` // from 0
	Count          *Integer `json:"count,omitempty"`  // 1 to MaxAuthorizers
}

// AuthorizerListResponse is the answer. A success has all members, and no errcode;
// List is empty if no authorization stands at the offset.
type AuthorizerListResponse struct {
	TotalCount int64        `json:"total_count"`
	List       []Authorizer `json:"list"`
}

// Authorizer is one Mini Program that authorizes the platform. AuthTime is in Unix
// seconds. RefreshToken is empty where it cannot be told.
type Authorizer struct {
	AuthorizerAppID string `json:"authorizer_appid"`
	RefreshToken    string `json:"refresh_token"`
	AuthTime        int64  `json:"auth_time"`
}

// AuthorizerList calls POST /cgi-bin/component/api_get_authorizer_list with the
// platform's token. It returns up to count (1 to MaxAuthorizers) authorizations from
// offset on, the oldest first, and the number of all.
func (c *Client) AuthorizerList(
	ctx context.Context, platform string, offset, count int64,
) (list []Authorizer, total int64, err error) {
	var answer AuthorizerListResponse
	from, most := Integer(offset), Integer(count)
	request := AuthorizerListRequest{ComponentAppID: &platform, Offset: &from, Count: &most}
	err = c.call(ctx, componentRoute("api_get_authorizer_list"), request, &answer)
	return answer.List, answer.TotalCount, err
}
