// The document's name of this interface is getCodeSecret.

package server

import (
	"context"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

// developerSets are the permission sets for developing a merchant's cloud
// functions, one of which the /tcb/ interfaces need.
var developerSets = []int{49, 64}

var getCodeSecret = call(endpoint{
	path:   "/tcb/getcodesecret",
	iface:  cloud.Interface{Name: "getcodesecret", Tokens: cloud.AuthorizerToken, Sets: developerSets},
	noBody: true,
}, shape[struct{}]{}, func(ctx context.Context, s *Server, in inbound, _ *struct{}) (tcb.GetCodeSecretResponse, error) {
	secret, err := s.cloud.CodeSecret(ctx, in.Caller)
	return tcb.GetCodeSecretResponse{Status: tcb.Success(), CodeSecret: secret}, err
})
