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
	"net/url"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/world"
)

// maxWorld bounds the body of an apply: a world file, and the checksums of as
// many zips as it may have functions.
const maxWorld = 256 << 20

// Applied is what a world changed, nothing when it was so already, and what it
// says and applying did not do.
type Applied struct {
	Changes    []cloud.Applied `json:"changes"`
	NotApplied []cloud.Applied `json:"not_applied"`
}

func newApplied(o cloud.Outcome) Applied {
	return Applied{append([]cloud.Applied{}, o.Changes...), append([]cloud.Applied{}, o.Left...)}
}

func (s *Server) apply(w http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	var regrant, keep, dry cloud.Maybe[bool]
	err := (parameters{"regrant": truth(&regrant), "keep_tokens": truth(&keep), "dry_run": truth(&dry)}).read(r)
	if err != nil {
		return nil, err
	}
	file, sums, err := readWorldForm(w, r)
	if err != nil {
		return nil, err
	}
	wanted, err := world.Parse(file, "")
	if err != nil {
		return nil, err
	}
	wanted.AddSums(sums)
	wanted.Options = cloud.ApplyOptions{Regrant: regrant.Value, KeepTokens: keep.Value, DryRun: dry.Value}
	outcome, err := s.cloud.Apply(r.Context(), c, wanted)
	return newApplied(outcome), err
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
func (c *Client) Apply(ctx context.Context, file []byte, sums map[string]string) (Applied, error) {
	return c.ApplyWith(ctx, file, sums, cloud.ApplyOptions{})
}

// ApplyWith is Apply with options.
func (c *Client) ApplyWith(
	ctx context.Context, file []byte, sums map[string]string, o cloud.ApplyOptions,
) (Applied, error) {
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
		return Applied{}, err
	}
	query := url.Values{}
	for name, value := range map[string]bool{"regrant": o.Regrant, "keep_tokens": o.KeepTokens, "dry_run": o.DryRun} {
		if value {
			query.Set(name, "true")
		}
	}
	var applied Applied
	err = c.call(ctx, "POST", "/v1/apply?"+query.Encode(), content{mime: form.FormDataContentType(), r: &body}, &applied)
	return applied, err
}

// world streams a world file of everything, without secrets.
func (s *Server) world(w http.ResponseWriter, r *http.Request, _ cloud.Caller) (any, error) {
	return s.stream(w, "application/yaml", "a world file", func(out io.Writer) error {
		_, err := io.WriteString(out, "# Everything that this server keeps, without secrets and code. Applied, it changes nothing.\n")
		if err != nil {
			return err
		}
		return s.cloud.ExportWorld(r.Context(), world.NewWriter(out).Write)
	})
}

// World writes a world file of everything, without secrets, to w. With an error, what
// was written is not the whole.
func (c *Client) World(ctx context.Context, w io.Writer) error {
	return c.download(ctx, "/v1/world", "", w)
}
