package server

import (
	"bytes"
	"io"
	"net/http"
	"slices"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/consent"
)

// consents is the entrance of the consent page, which answers browsers in HTML.
var consents = entrance{
	name: "consent",
	serve: func(s *Server, v *visit) error {
		v.caller = s.cloud.ConsentCaller(v.rid)
		if v.r.Method == http.MethodPost { // by somebody of whom nothing is known
			reader := bodyReader{budget: &s.bodies, isOpen: true, buf: make([]byte, 0, freeOpenBody)}
			defer reader.end()
			form, err := reader.read(v.w, v.r)
			if err != nil {
				return err
			}
			v.r.Body = io.NopCloser(bytes.NewReader(form))
		}
		err := s.consentPage.Serve(v.w, v.r, v.caller, s.addressOf(v.r))
		if err != nil && cloud.KindOf(err) == cloud.ConsentCodeInvalid {
			s.metrics.falseSecrets.Inc()
		}
		return err
	},
}

// isConsent reports whether a path is the consent page's.
func isConsent(path string) bool { return slices.Contains(consent.Paths, path) }
