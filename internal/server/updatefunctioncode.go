package server

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/opentcb/opentcb/internal/blob"
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/tc3"
	"github.com/opentcb/opentcb/tcb"
)

// replyTime is how long the answer to an upload may take once the body is in.
const replyTime = time.Minute

// uploads is the entrance of uploads, POST / (UP-4).
var uploads = entrance{
	name: "UpdateFunctionCode",
	serve: func(s *Server, v *visit) error {
		if err := s.updateFunctionCode(v); err != nil {
			return err
		}
		answer(v.w, http.StatusOK, uploadAnswer(v.rid))
		return nil
	},
	refuse: func(v *visit, err error) { answer(v.w, http.StatusOK, uploadRefusal(err, v.rid)) },
}

// updateFunctionCode takes an upload. Who may upload is decided before the
// body is read; whether these are the bytes that were signed, after it.
func (s *Server) updateFunctionCode(v *visit) error {
	r := v.r
	ctx := context.WithoutCancel(r.Context()) // as for every call
	up, err := s.cloud.OpenUpload(r.Header.Get("X-TC-Token"), developerSets, v.rid)
	if err == nil {
		v.caller = up.Caller
		err = verifyUpload(r, up.UploadGrant)
	}
	if err != nil {
		return err
	}
	body := http.MaxBytesReader(v.w, r.Body, maxUpload)
	// The caller has shown that it is one of ours, and most clients send all
	// before they read: a refusal is heard only if its body is taken in.
	conn := http.NewResponseController(v.w)
	stream := &uploadStream{
		body: body, conn: conn, grace: s.uploadGrace, rate: float64(s.uploadRate), until: v.begin.Add(s.transferTime),
	}
	defer stream.letGo()
	_ = conn.SetWriteDeadline(v.begin.Add(s.transferTime + replyTime))
	if err := s.cloud.AuthenticateUpload(ctx, up); err != nil {
		return err
	}
	if err := s.uploads.take(up.Caller.Platform, up.Token); err != nil {
		return err
	}
	defer s.uploads.give(up.Caller.Platform, up.Token)
	return s.receive(ctx, v, stream, up)
}

// verifyUpload checks that the request carries the grant's signature over the
// headers that were issued and the hash of its body: UploadSignatureInvalid if
// not. The host that arrives is a proxy's to change, and clients add a charset to
// the content type (UP-4).
func verifyUpload(r *http.Request, grant cloud.UploadGrant) error {
	misfit := func(detail string) error {
		return cloud.Refused(cloud.UploadSignatureInvalid, detail)
	}
	auth, err := tc3.ParseAuthorization(r.Header.Get("Authorization"))
	if err != nil {
		return misfit("the Authorization header is not of the form TC3-HMAC-SHA256")
	}
	switch {
	case !isJSON(r.Header.Get("Content-Type")):
		return misfit("the Content-Type must be " + uploadContentType)
	case r.Header.Get("X-TC-Action") != uploadAction:
		return misfit("X-TC-Action must be " + uploadAction)
	case r.Header.Get("X-TC-Timestamp") != strconv.FormatInt(grant.IssuedAt, 10):
		return misfit("X-TC-Timestamp is not the signature's")
	case auth.SecretID != grant.SecretID, auth.Service != uploadService, auth.Date != tc3.Date(grant.IssuedAt):
		return misfit("the Credential is not the signature's")
	case !sameHeaders(auth.SignedHeaders):
		return misfit("SignedHeaders must be content-type;host")
	case !tc3.Verify(grant.SecretKey, uploadRequest(grant), auth.Signature):
		return misfit("the signature does not fit the headers: send the headers of getuploadsignature as they are")
	}
	return nil
}

// isJSON reports whether a content type is JSON, with whatever parameters.
func isJSON(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(kind), uploadContentType)
}

func sameHeaders(names []string) bool {
	return len(names) == len(uploadSigned) && names[0] == uploadSigned[0] && names[1] == uploadSigned[1]
}

// receive takes the body in: the zip goes to a draft as it is decoded, every
// byte through the hash that was signed (UP-4).
func (s *Server) receive(ctx context.Context, v *visit, body io.Reader, up cloud.Upload) error {
	draft, err := s.cloud.NewCode(ctx)
	if err != nil {
		return err
	}
	defer draft.Discard()
	sum := sha256.New()
	stream := io.TeeReader(body, sum)
	u, err := readUpload(stream, draft)
	v.env = u.EnvID
	if v.bench != nil {
		v.bench.zip = zipText(draft.Size(), draft.Sum().String())
	}
	if storage, ok := errors.AsType[*draftError](err); ok {
		return &cloud.Error{Kind: cloud.Unavailable, Err: storage}
	}
	rest := drain(stream)
	if errors.Is(rest, errTooSlow) {
		return rest
	}
	if _, large := errors.AsType[*http.MaxBytesError](rest); large {
		return cloud.Refused(cloud.InvalidCode, "the upload is over 20 MiB") // not read to its end (EN-9)
	}
	if !sameHash(sum, up.PayloadHash) {
		return cloud.Refused(cloud.UploadSignatureInvalid, "the body is not the one whose hash was signed")
	}
	if err != nil {
		return err
	}
	return s.store(ctx, up, u, draft)
}

func sameHash(sum hash.Hash, want string) bool {
	return subtle.ConstantTimeCompare([]byte(hex.EncodeToString(sum.Sum(nil))), []byte(want)) == 1
}

// store makes the upload the function's code.
func (s *Server) store(ctx context.Context, up cloud.Upload, u upload, draft blob.Draft) error {
	for _, m := range []member{
		{"CodeSecret", u.CodeSecret == ""}, {"EnvId", u.EnvID == ""},
		{"FunctionName", u.FunctionName == ""}, {"ZipFile", !u.hasZip},
	} {
		if m.absent {
			return cloud.Refused(cloud.MissingParameter, m.name)
		}
	}
	return s.cloud.UpdateFunctionCode(ctx, up, cloud.CodeUpdate{
		Env: u.EnvID, Function: u.FunctionName, CodeSecret: u.CodeSecret,
		Handler: u.Handler, InstallDependency: u.InstallDependency, Code: draft,
	})
}

// uploadCodes is each kind of error in the upload's own envelope (UP-5); the
// others are an InternalError.
var uploadCodes = map[cloud.Kind]string{
	cloud.UploadSignatureInvalid: "AuthFailure.SignatureFailure",
	cloud.UploadSignatureExpired: "AuthFailure.SignatureExpire",
	cloud.NotAuthorized:          "AuthFailure.UnauthorizedOperation",
	cloud.InvalidComponent:       "AuthFailure.UnauthorizedOperation",
	cloud.MissingPermission:      "AuthFailure.UnauthorizedOperation",
	cloud.CodeSecretMismatch:     "InvalidParameterValue.CodeSecret",
	cloud.MissingParameter:       "MissingParameter",
	cloud.FunctionNotFound:       "ResourceNotFound.Function",
	cloud.EnvironmentNotFound:    "ResourceNotFound.Namespace",
	cloud.InvalidCode:            "InvalidParameterValue.Code",
	cloud.InvalidArgs:            "InvalidParameterValue",
	cloud.MalformedBody:          "InvalidParameter",
	cloud.TooManyUploads:         "RequestLimitExceeded",
	cloud.LimitReached:           "RequestLimitExceeded",
	cloud.DayQuotaReached:        "RequestLimitExceeded",
}

// uploadAnswer is the answer to an upload that was taken.
func uploadAnswer(rid string) tcb.UpdateFunctionCodeResponse {
	return tcb.UpdateFunctionCodeResponse{Response: tcb.UpdateFunctionCodeResult{RequestID: rid}}
}

// uploadRefusal is the answer to an upload that was not.
func uploadRefusal(err error, rid string) tcb.UpdateFunctionCodeResponse {
	kind := cloud.KindOf(err)
	message := cmp.Or(detailOf(err), kind.Code().Text())
	if kind == cloud.Unavailable {
		message += ": try again"
	}
	resp := uploadAnswer(rid)
	resp.Response.Error = &tcb.CloudError{Code: cmp.Or(uploadCodes[kind], "InternalError"), Message: message}
	return resp
}
