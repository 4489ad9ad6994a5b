package cloud_test

import (
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
)

func (r *rig) prove(platform, secret, ticket string) error {
	req := cloud.ComponentTokenRequest{AppID: platform, Secret: secret, Ticket: ticket}
	_, err := r.cloud.IssueComponentToken(r.Context(), req, "rid")
	return err
}

func (r *rig) ticket(platform string) string {
	r.Helper()
	ticket, err := r.cloud.Ticket(r.Context(), r.operator(), platform)
	r.ok("Ticket", err)
	if !strings.HasPrefix(ticket, "ticket@@@") {
		r.Errorf("ticket %q", ticket)
	}
	return ticket
}

// CR-2: a ticket is renewed every 10 minutes, each good for 12 hours.
func TestTicketRenewal(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	slot := (10 * time.Minute).Milliseconds()
	r.clock.Store(r.clock.Load() / slot * slot) // as a ticket is renewed
	first := r.ticket(platform1)
	r.sleep(10*time.Minute - time.Millisecond)
	if r.ticket(platform1) != first {
		t.Error("the ticket changed before its 10 minutes")
	}
	r.sleep(time.Millisecond)
	second := r.ticket(platform1)
	if second == first {
		t.Error("the ticket is the same after 10 minutes")
	}
	r.ok("the ticket before", r.prove(platform1, secret1, first))
	r.sleep(12*time.Hour - 10*time.Minute - time.Millisecond)
	r.ok("a ticket just under 12 hours old", r.prove(platform1, secret1, first))
	r.sleep(time.Millisecond)
	r.refused("a ticket of 12 hours", r.prove(platform1, secret1, first), cloud.TicketExpired)
	r.ok("the one after it", r.prove(platform1, secret1, second))
}

// CR-1, in the order that it names.
func TestComponentTokenRefusals(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ticket := r.ticket(platform1)
	for name, c := range map[string]struct {
		platform, secret, ticket string
		want                     cloud.Kind
	}{
		"no such platform":          {"wx00000000000000ff", secret1, ticket, cloud.InvalidAppID},
		"a Mini Program":            {mini1, secret1, ticket, cloud.InvalidAppID},
		"false secret":              {platform1, secret1 + "x", ticket, cloud.InvalidAppSecret},
		"no secret":                 {platform1, "", ticket, cloud.InvalidAppSecret},
		"another's secret":          {platform1, secret2, ticket, cloud.InvalidAppSecret},
		"false secret and ticket":   {platform1, "x", "x", cloud.InvalidAppSecret},
		"false ticket":              {platform1, secret1, ticket + "x", cloud.TicketInvalid},
		"no ticket":                 {platform1, secret1, "", cloud.TicketInvalid},
		"ticket without its prefix": {platform1, secret1, strings.TrimPrefix(ticket, "ticket@@@"), cloud.TicketInvalid},
		"another's ticket":          {platform1, secret1, ticket2, cloud.TicketInvalid},
		"made ticket where fixed":   {platform2, secret2, ticket, cloud.TicketInvalid},
		"false fixed ticket":        {platform2, secret2, ticket2 + "x", cloud.TicketInvalid},
	} {
		r.refused(name, r.prove(c.platform, c.secret, c.ticket), c.want)
	}
	if recs := r.records("api_component_token"); len(recs) != 0 {
		t.Errorf("%d credentials are recorded, none was issued", len(recs))
	}
	_, err := r.cloud.Ticket(t.Context(), r.operator(), "wx00000000000000ff")
	r.refused("ticket of no platform", err, cloud.NotFound)
}

// CR-2: a fixed ticket does not age, and is what the operator reads.
func TestFixedTicket(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	if got := r.ticket(platform2); got != ticket2 {
		t.Errorf("ticket %q, want the fixed one", got)
	}
	r.sleep(1000 * time.Hour)
	r.ok("a fixed ticket after 1,000 hours", r.prove(platform2, secret2, ticket2))
}

// CR-2: every server of an installation gives the same tickets, and takes the
// other's.
func TestTicketsOfTwoServers(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	second := cloud.New(cloud.Config{Store: r.store, Blobs: r.blobs, Ring: r.ring, Now: r.now})
	ticket, err := second.Ticket(t.Context(), r.operator(), platform1)
	if err != nil || ticket != r.ticket(platform1) {
		t.Errorf("the second server's ticket differs: %v", err)
	}
	r.ok("Close", second.Close())
}

// A world file that changes secret and ticket ends the old ones at once.
func TestReplacedSecret(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.ok("before", r.prove(platform2, secret2, ticket2))
	w := cloud.World{Platforms: []cloud.WorldPlatform{{AppID: platform2, Secret: "another-secret", Ticket: "ticket@@@another"}}}
	r.mustApply(w)
	r.refused("old secret", r.prove(platform2, secret2, "ticket@@@another"), cloud.InvalidAppSecret)
	r.refused("old ticket", r.prove(platform2, "another-secret", ticket2), cloud.TicketInvalid)
	r.ok("new ones", r.prove(platform2, "another-secret", "ticket@@@another"))
}
