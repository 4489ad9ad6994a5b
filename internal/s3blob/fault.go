package s3blob

import (
	"errors"
	"net/http"

	"github.com/minio/minio-go/v7"

	"github.com/opentcb/opentcb/internal/stall"
)

var (
	errNoCredentials   = errors.New("there are no credentials")
	errHalfCredentials = errors.New("there is only half of the credentials")
)

// isCode reports whether the bucket answered with that code of S3.
func isCode(err error, code string) bool {
	answer, ok := errors.AsType[minio.ErrorResponse](err)
	return ok && answer.Code == code
}

func isStatus(err error, status int) bool {
	answer, ok := errors.AsType[minio.ErrorResponse](err)
	return ok && answer.StatusCode == status
}

// mayPass reports whether a request may succeed if it is sent again at once: its
// connection broke, or the bucket was busy.
func mayPass(err error) bool {
	if errors.Is(err, stall.ErrStalled) || errors.Is(err, stall.ErrTooLong) {
		return false
	}
	answer, ok := errors.AsType[minio.ErrorResponse](err)
	return !ok || answer.StatusCode >= http.StatusInternalServerError
}

// advices are what to do about a bucket's errors, by the code of S3.
var advices = map[string]string{
	minio.NoSuchBucket: "make the bucket, or correct its name",
	minio.SignatureDoesNotMatch: "the secret key does not fit the access key: correct it (in a URL, write its / as %2F and its + as %2B), " +
		"or the region",
	minio.AccessDenied:             "give these credentials the rights to get, put, delete and list objects there",
	"AuthorizationHeaderMalformed": "name the bucket's region, as region=REGION in the URL or as AWS_REGION",
	"PermanentRedirect":            "name the bucket's own region and endpoint",
	"XAdminUserNotFound":           "the credentials are refused: correct access key and secret key", // versitygw's, with status 404
	"RequestTimeTooSkewed":         "set this machine's clock",
}

// advice returns what to do about a bucket that cannot be opened.
func advice(err error) string {
	answer, answered := errors.AsType[minio.ErrorResponse](err)
	text, known := advices[answer.Code]
	switch {
	case known:
		return text
	case answered && (answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden):
		return "the credentials are refused: correct access key and secret key"
	case answered:
		return "look up code " + answer.Code + " of the bucket's server; the endpoint must be one that speaks S3"
	case errors.Is(err, errNoCredentials):
		return "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write a shared credentials file, " +
			"or give the machine a role"
	case errors.Is(err, errHalfCredentials):
		return "give access key and secret key, or neither"
	}
	return "see that the endpoint is right (http or https, path-style or not) and can be reached from here, and try again"
}
