package delivery

import (
	"context"
	"strings"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/inject"
	"github.com/opentcb/opentcb/internal/journal"
)

// tryInjected is try on a server in test mode: with the fault that a rule has for the
// push, and an entry in the journal.
func (w *Worker) tryInjected(ctx context.Context, p cloud.Push) cloud.Delivered {
	now, begin := w.cloud.Now(), time.Now()
	call := journal.Match{Interface: inject.Push, Platform: p.Platform, AppID: p.AppID, Path: p.URL}
	a := w.faults.Choose(call, now)
	letter, d := w.letter(ctx, p, a != nil && a.BadBody)
	call.Path = journal.MaskText(p.URL)
	e := &journal.Entry{At: now.UnixMilli(), Match: call, Action: p.Kind, Method: "POST", RID: p.ID}
	if letter.URL != "" {
		if a != nil && a.BadSignature {
			letter.URL = falselySigned(letter.URL)
		}
		d = w.sendInjected(ctx, letter, a)
	}
	if a != nil {
		e.Fault = &journal.Fault{Rule: a.ID, Did: a.String()}
		w.cloud.RecordInjected(p.ID, cloud.Holder{Platform: p.Platform, AppID: p.AppID}, inject.Push, a.ID, a.String(), 0)
		w.log.Info("push", "platform", p.Platform, "kind", p.Kind, "push", p.ID, "injected", a.String()+" by rule "+a.ID)
	}
	_, query, _ := strings.Cut(letter.URL, "?")
	e.Query, e.Body, e.BodyBytes = journal.MaskText(query), string(letter.Body), int64(len(letter.Body))
	e.Status, e.Answer, e.AnswerBytes, e.Reason = d.Status, journal.MaskText(d.Answer), int64(len(d.Answer)), d.Fault
	e.TookMS = float64(time.Since(begin).Microseconds()) / 1000
	w.journal.Add(e)
	return d
}

// sendInjected sends a letter as a rule has it; nil: as it is.
func (w *Worker) sendInjected(ctx context.Context, l cloud.Letter, a *inject.Acting) cloud.Delivered {
	switch {
	case a == nil:
	case a.Drop:
		return cloud.Delivered{Fault: "a fault's rule dropped it", Ours: true}
	case a.Delay > 0:
		late := time.NewTimer(min(a.Delay, inject.MaxPushDelay))
		defer late.Stop()
		select {
		case <-late.C:
		case <-a.Gone:
		case <-ctx.Done():
		}
	case a.Twice:
		Send(ctx, w.sender, l)
	}
	return Send(ctx, w.sender, l)
}

// falselySigned returns the address of a letter with another msg_signature, which
// stands at its end.
func falselySigned(address string) string {
	last := "0"
	if strings.HasSuffix(address, last) {
		last = "1"
	}
	return address[:len(address)-1] + last
}
