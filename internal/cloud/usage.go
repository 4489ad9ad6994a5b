package cloud

// Usage is what is in memory, and how much may be.
type Usage struct {
	Rows       map[string]int // rows in memory, by their kind
	RowLimit   int            // of each kind
	Records    int            // audit records that wait to be written
	RecordsMax int
	CodeFaults uint64 // what code storage could not do, though it may do it later
}

// Usage returns what is in memory right now.
func (s *Service) Usage() Usage {
	return Usage{
		Rows: map[string]int{
			"token": s.claims.len(), "platform": s.platforms.len(), "account": s.accounts.len(),
			"authorization": s.authorizations.len(), "codesecret": s.secrets.len(),
			"environment": s.environments.len(), "function": s.functions.len(),
		},
		RowLimit: s.functions.limit,
		Records:  s.reads.waiting(), RecordsMax: s.reads.limit,
		CodeFaults: s.codeFaults.Load(),
	}
}

// len returns how many rows are in memory.
func (c *cache[K, V]) len() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.rows)
}
