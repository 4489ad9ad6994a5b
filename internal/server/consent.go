package server

import (
	"slices"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/consent"
)

// consents is the entrance of the consent page, which answers browsers in HTML.
var consents = entrance{
	name: "consent",
	serve: func(s *Server, v *visit) error {
		v.caller = s.cloud.ConsentCaller(v.rid)
		err := s.consentPage.Serve(v.w, v.r, v.caller, s.addressOf(v.r))
		if err != nil && cloud.KindOf(err) == cloud.ConsentCodeInvalid {
			s.metrics.falseSecrets.Inc()
		}
		return err
	},
}

// isConsent reports whether a path is the consent page's.
func isConsent(path string) bool { return slices.Contains(consent.Paths, path) }
