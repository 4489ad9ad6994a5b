package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/world"
)

// maxWorld bounds the body of an apply: a world file, and the checksums of as
// many zips as it may have functions.
const maxWorld = 256 << 20

// Applied is what a world changed; it is empty when the world was so already.
type Applied struct {
	Changes []cloud.Applied `json:"changes"`
}

func (s *Server) apply(w http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	file, sums, err := readWorldForm(w, r)
	if err != nil {
		return nil, err
	}
	wanted, err := world.Parse(file, "")
	if err != nil {
		return nil, err
	}
	wanted.AddSums(sums)
	changes, err := s.cloud.Apply(r.Context(), c, wanted)
	if changes == nil {
		changes = []cloud.Applied{}
	}
	return Applied{changes}, err
}

// readWorldForm reads the two parts of the form: the world file as it is, and
// the SHA-256 of each zip that it names, which may be left out.
func readWorldForm(w http.ResponseWriter, r *http.Request) (file []byte, sums map[string]string, err error) {
	body, err := limitBody(w, r, maxWorld)
	if err != nil {
		return nil, nil, err
	}
	r.Body = body
	form, err := r.MultipartReader()
	if err != nil {
		return nil, nil, bodyError(err, "the body must be a form, multipart/form-data")
	}
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, bodyError(err, "the form cannot be read")
		}
		switch name := part.FormName(); {
		case name == "file" && file == nil:
			file, err = io.ReadAll(part)
		case name == "code" && sums == nil:
			err = json.NewDecoder(part).Decode(&sums)
		default:
			err = errors.New(name + " is not one of the parts file and code, or is there twice")
		}
		if err != nil {
			return nil, nil, bodyError(err, "the form cannot be read")
		}
	}
	if file == nil {
		return nil, nil, cloud.Refused(cloud.MissingParameter, "the part file is missing")
	}
	return file, sums, nil
}

// Apply brings the server to what a world file says. file is its text, sums the
// SHA-256 of each zip that it names, as AddCode returned it.
func (c *Client) Apply(ctx context.Context, file []byte, sums map[string]string) ([]cloud.Applied, error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "world.yaml")
	if err == nil {
		_, err = part.Write(file)
	}
	if err == nil && len(sums) > 0 {
		part, err = form.CreatePart(textproto.MIMEHeader{
			"Content-Disposition": {`form-data; name="code"`}, "Content-Type": {"application/json"},
		})
		if err == nil {
			err = json.NewEncoder(part).Encode(sums)
		}
	}
	if err = errors.Join(err, form.Close()); err != nil {
		return nil, err
	}
	var applied Applied
	err = c.call(ctx, "POST", "/v1/apply", content{form.FormDataContentType(), &body}, &applied)
	return applied.Changes, err
}
