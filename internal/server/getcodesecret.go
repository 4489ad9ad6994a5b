// The document's name of this interface is getCodeSecret.

package server

import (
	"context"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

var getCodeSecret = call(endpoint{
	path:   "/tcb/getcodesecret",
	iface:  cloud.Interface{Tokens: cloud.AuthorizerToken, Sets: developerSets},
	noBody: true,
}, codeSecret)

func codeSecret(ctx context.Context, s *Server, v *visit, _ *struct{}) (tcb.GetCodeSecretResponse, error) {
	secret, err := s.cloud.CodeSecret(ctx, v.caller)
	return tcb.GetCodeSecretResponse{Status: tcb.Success(), CodeSecret: secret}, err
}
