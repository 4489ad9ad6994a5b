package s3blob

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/url"
	"time"

	"github.com/opentcb/opentcb/internal/blob"
)

// Presign returns a link by which anybody can download the blob from the bucket
// itself, as a zip of that filename, until it expires: from one second to seven
// days, in whole seconds. A link cannot be recalled, and ends earlier if the
// credentials it was made with do. Presign does not check that the blob exists
// or is sound: Open it first. It sends no request, except to renew expired
// credentials.
func (s *Store) Presign(ctx context.Context, sum blob.Sum, expires time.Duration, filename string) (string, error) {
	w := s.watch(ctx)
	defer w.End()
	// FormatMediaType quotes what would end the name, or encodes it.
	disposition := mime.FormatMediaType("attachment", map[string]string{"filename": filename})
	if filename == "" || disposition == "" {
		return "", errors.New("blob: a link needs the name of a file")
	}
	link, err := s.client.PresignedGetObject(w.Context(), s.cfg.Bucket, s.blobKey(sum), expires, url.Values{
		"response-content-type":        {"application/zip"},
		"response-content-disposition": {disposition},
	})
	if err != nil {
		return "", fmt.Errorf("blob: make a link: %w", w.Judge(err))
	}
	return link.String(), nil
}
