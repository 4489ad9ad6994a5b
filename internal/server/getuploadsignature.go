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
}, func(r *tcb.GetUploadSignatureRequest) []member {
	return []member{{"hashed_payload", r.HashedPayload == nil}}
}, signUpload)

func signUpload(
	ctx context.Context, s *Server, v *visit, req *tcb.GetUploadSignatureRequest,
) (tcb.GetUploadSignatureResponse, error) {
	grant, err := s.cloud.UploadSignature(ctx, v.caller, *req.HashedPayload)
	if err != nil {
		return tcb.GetUploadSignatureResponse{}, err
	}
	return tcb.GetUploadSignatureResponse{
		Status: tcb.Success(), Headers: uploadHeaders(grant, s.origin(v.r)),
	}, nil
}

// What an upload's signature and headers say besides the grant (UP-3).
const (
	uploadService     = "scf"
	uploadContentType = "application/json; charset=utf-8"
	uploadAction      = "UpdateFunctionCode"
	uploadVersion     = "2018-04-16"
	uploadRegion      = "ap-shanghai"
)

var uploadSigned = []string{"content-type", "host"}

// uploadRequest is what an upload's signature covers.
func uploadRequest(grant cloud.UploadGrant, contentType, host string) tc3.Request {
	return tc3.Request{
		Method: "POST", Path: "/", Service: uploadService, Timestamp: grant.IssuedAt,
		Headers:       map[string]string{"content-type": contentType, "host": host},
		SignedHeaders: uploadSigned, HashedPayload: grant.PayloadHash,
	}
}

// uploadHeaders writes the headers of an upload, a line each. The host is the
// one that the caller reaches the server by, since it is signed.
func uploadHeaders(grant cloud.UploadGrant, origin string) string {
	host := origin
	if u, err := url.Parse(origin); err == nil {
		host = u.Host
	}
	req := uploadRequest(grant, uploadContentType, host)
	auth := tc3.Authorization{
		SecretID: grant.SecretID, Date: tc3.Date(grant.IssuedAt), Service: uploadService,
		SignedHeaders: uploadSigned, Signature: tc3.Sign(grant.SecretKey, req),
	}
	return strings.Join([]string{
		"Authorization:" + auth.String(),
		"Host:" + host,
		"Content-Type:" + uploadContentType,
		"X-TC-Action:" + uploadAction,
		"X-TC-Timestamp:" + strconv.FormatInt(grant.IssuedAt, 10),
		"X-TC-Version:" + uploadVersion,
		"X-TC-Region:" + uploadRegion,
		"X-TC-Token:" + grant.Token,
	}, "\r\n")
}
