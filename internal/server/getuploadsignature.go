package server

import (
	"context"
	"net/url"
	"strconv"
	"strings"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/tc3"
	"github.com/opentcb/opentcb/tcb"
)

var getUploadSignature = call(endpoint{
	path:       "/tcb/getuploadsignature",
	iface:      cloud.Interface{Tokens: cloud.AuthorizerToken, Sets: developerSets},
	documented: bodyFaults,
}, signUpload)

func signUpload(
	ctx context.Context, s *Server, v *visit, req *tcb.GetUploadSignatureRequest,
) (tcb.GetUploadSignatureResponse, error) {
	grant, err := s.cloud.UploadSignature(ctx, v.caller, *req.HashedPayload, cloud.UploadHeaders{
		Host: signedHost(s.origin(v.r)), ContentType: uploadContentType,
	})
	if err != nil {
		return tcb.GetUploadSignatureResponse{}, err
	}
	return tcb.GetUploadSignatureResponse{
		Status: tcb.Success(), Headers: uploadHeaders(grant),
	}, nil
}

// What an upload's signature and headers say besides the grant (UP-3).
const (
	uploadService     = "scf"
	uploadContentType = "application/json"
	uploadAction      = "UpdateFunctionCode"
	uploadVersion     = "2018-04-16"
	uploadRegion      = "ap-shanghai"
)

var uploadSigned = []string{"content-type", "host"}

// uploadRequest is what an upload's signature covers: the headers as they were
// issued (UP-4).
func uploadRequest(grant cloud.UploadGrant) tc3.Request {
	return tc3.Request{
		Method: "POST", Path: "/", Service: uploadService, Timestamp: grant.IssuedAt,
		Headers:       map[string]string{"content-type": grant.ContentType, "host": grant.Host},
		SignedHeaders: uploadSigned, HashedPayload: grant.PayloadHash,
	}
}

// signedHost returns the host that uploads are signed for: that of an origin, or,
// where that is the real platform's, the one that it signs for itself (TL-5).
func signedHost(origin string) string {
	u, err := url.Parse(origin)
	switch {
	case err != nil:
		return origin
	case u.Host == realHosts[0]:
		return realUploadHost
	}
	return u.Host
}

// uploadHeaders writes the headers of an upload, a line each.
func uploadHeaders(grant cloud.UploadGrant) string {
	req := uploadRequest(grant)
	auth := tc3.Authorization{
		SecretID: grant.SecretID, Date: tc3.Date(grant.IssuedAt), Service: uploadService,
		SignedHeaders: uploadSigned, Signature: tc3.Sign(grant.SecretKey, req),
	}
	return strings.Join([]string{
		"Authorization:" + auth.String(),
		"Host:" + grant.Host,
		"Content-Type:" + grant.ContentType,
		"X-TC-Action:" + uploadAction,
		"X-TC-Timestamp:" + strconv.FormatInt(grant.IssuedAt, 10),
		"X-TC-Version:" + uploadVersion,
		"X-TC-Region:" + uploadRegion,
		"X-TC-Token:" + grant.Token,
	}, "\r\n")
}
