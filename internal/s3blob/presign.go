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

// Presign gives a link from which whoever has it can download the blob as a zip of
// that filename, from the bucket itself, until it expires: from one second to
// seven days, in whole seconds. It cannot be recalled, and dies earlier if the
// credentials it was made with do. Neither is looked whether the blob is there
// nor is it verified; the caller opens it first for that. No request is made
// but for credentials that ran out.
func (s *Store) Presign(ctx context.Context, sum blob.Sum, expires time.Duration, filename string) (string, error) {
	w := newWatch(ctx, s.cfg.patience)
	defer w.end()
	// FormatMediaType quotes what would end the name, or encodes it.
	disposition := mime.FormatMediaType("attachment", map[string]string{"filename": filename})
	if filename == "" || disposition == "" {
		return "", errors.New("blob: a link needs the name of a file")
	}
	link, err := s.client.PresignedGetObject(w.ctx, s.cfg.Bucket, s.blobKey(sum), expires, url.Values{
		"response-content-type":        {"application/zip"},
		"response-content-disposition": {disposition},
	})
	if err != nil {
		return "", fmt.Errorf("blob: make a link: %w", w.judge(err))
	}
	return link.String(), nil
}
