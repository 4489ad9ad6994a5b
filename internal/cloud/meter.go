package cloud

import (
	"cmp"
	"fmt"
	"sync/atomic"
	"time"
)

// quotaZone is where days and months begin.
var quotaZone = time.FixedZone("UTC+8", 8*60*60)

// The lengths of what is counted, and how long before a multiple of that one begins,
// in milliseconds.
var (
	ofDay    = spanKind{24 * time.Hour.Milliseconds(), 8 * time.Hour.Milliseconds()}
	ofMinute = spanKind{time.Minute.Milliseconds(), 0}
)

type spanKind struct{ length, before int64 }

// index is how many such spans there were before the one that a time is in.
func (k spanKind) index(now int64) int64 { return (now + k.before) / k.length }

// span counts calls, in the day or minute that goes on. It is safe for concurrent
// use.
type span struct {
	kind  spanKind
	most  int64 // 0: calls are not counted
	going atomic.Pointer[counting]
}

// counting is what is counted in one day or minute.
type counting struct {
	index  int64
	own    atomic.Int64
	others atomic.Int64 // counted by other servers, as far as they have written it
}

// in returns the count of the span that a time is in. A caller that comes late, or
// whose clock is behind, counts in the one that has begun: only a clock that was put
// back begins one anew.
func (s *span) in(now int64) *counting {
	index := s.kind.index(now)
	for {
		c := s.going.Load()
		if c != nil && (c.index == index || c.index == index+1) {
			return c
		}
		s.going.CompareAndSwap(c, &counting{index: index})
	}
}

// count counts a call, and reports whether it is beyond the quota.
func (s *span) count(now int64) (over bool) {
	if s.most == 0 {
		return false
	}
	c := s.in(now)
	return c.own.Add(1)+c.others.Load() > s.most
}

// use returns how much of the quota is used.
func (s *span) use(now int64) QuotaUse {
	if s.most == 0 {
		return QuotaUse{}
	}
	c := s.in(now)
	return QuotaUse{Limit: s.most, Used: min(s.most, c.own.Load()+c.others.Load())}
}

// counted returns what was counted here, and in which span.
func (s *span) counted(now int64) (index, own int64) {
	c := s.in(now)
	return c.index, c.own.Load()
}

// counter counts the calls of an interface, or of all.
type counter struct{ day, minute span }

// meter counts the calls of a platform under one set of quotas. Counters are made
// with it.
type meter struct {
	platform string
	from     int64 // Limits.CountedFrom
	counters map[string]*counter
	asked    atomic.Int64 // when it was asked for last, to the minute
	written  map[string]QuotaCount
}

func newMeter(p Platform) *meter {
	m := &meter{platform: p.AppID, from: p.Limits.CountedFrom, counters: map[string]*counter{}}
	add := func(name string, q Quota) {
		if q != (Quota{}) {
			m.counters[name] = &counter{span{kind: ofDay, most: q.Day}, span{kind: ofMinute, most: q.Minute}}
		}
	}
	add("", p.Limits.Quotas.All)
	for name, q := range p.Limits.Quotas.Interfaces {
		add(name, q)
	}
	return m
}

// ask notes that the meter is in use.
func (m *meter) ask(now int64) {
	if minute := ofMinute.index(now); m.asked.Load() != minute {
		m.asked.Store(minute)
	}
}

// meterIdleKept is how many minutes a meter is kept that nobody asks for.
const meterIdleKept = 2

// isIdle reports whether nobody has asked for the meter in a while.
func (m *meter) isIdle(now int64) bool {
	idle := ofMinute.index(now) - m.asked.Load()
	return idle < 0 || idle > meterIdleKept
}

// count counts a call of an interface, and returns an error if it is beyond a quota.
func (m *meter) count(iface string, now int64) error {
	var overDay, overMinute error
	for _, name := range [...]string{iface, ""} {
		c := m.counters[name]
		if c == nil {
			continue
		}
		if c.day.count(now) && overDay == nil {
			overDay = Refused(DayQuotaReached, fmt.Sprintf("%s: %d calls a day", cmp.Or(name, "all"), c.day.most))
		}
		if c.minute.count(now) && overMinute == nil {
			overMinute = Refused(LimitReached, fmt.Sprintf("%s: %d calls a minute", cmp.Or(name, "all"), c.minute.most))
		}
	}
	return cmp.Or(overDay, overMinute)
}

// use returns how much is used of the quotas of an interface and of all, of which
// less is left.
func (m *meter) use(iface string, now int64) (day, minute QuotaUse) {
	tighter := func(a, b QuotaUse) QuotaUse {
		if a.Limit == 0 || b.Limit != 0 && b.Left() < a.Left() {
			return b
		}
		return a
	}
	for _, name := range [...]string{iface, ""} {
		if c := m.counters[name]; c != nil {
			day, minute = tighter(day, c.day.use(now)), tighter(minute, c.minute.use(now))
		}
	}
	return day, minute
}

// counts returns what was counted here.
func (m *meter) counts(now int64) map[string]QuotaCount {
	all := make(map[string]QuotaCount, len(m.counters))
	for name, c := range m.counters {
		var q QuotaCount
		q.Day, q.OfDay = c.day.counted(now)
		q.Minute, q.OfMinute = c.minute.counted(now)
		all[name] = q
	}
	return all
}

// hear takes over what other servers have counted.
func (m *meter) hear(rows []QuotaCounts, now int64) {
	m.each(rows, now, func(c *counting, counted int64) { c.others.Store(counted) })
}

// resume goes on where a meter of this server has ended.
func (m *meter) resume(rows []QuotaCounts, now int64) {
	m.each(rows, now, func(c *counting, counted int64) { c.own.Add(counted) })
}

// each gives every count that goes on to do, with what rows have of it.
func (m *meter) each(rows []QuotaCounts, now int64, do func(c *counting, counted int64)) {
	for name, c := range m.counters {
		day, minute := c.day.in(now), c.minute.in(now)
		var inDay, inMinute int64
		for _, r := range rows {
			q := r.Counts[name]
			if q.Day == day.index {
				inDay += q.OfDay
			}
			if q.Minute == minute.index {
				inMinute += q.OfMinute
			}
		}
		do(day, inDay)
		do(minute, inMinute)
	}
}
