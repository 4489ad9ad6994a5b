package cloud

import "context"

// World is what a world file asks for. Line is where an item stands in the
// file, for faults that only the server can see.
type World struct {
	Platforms      []WorldPlatform
	MiniPrograms   []WorldMiniProgram
	Environments   []WorldEnvironment
	Authorizations []WorldAuthorization
	Functions      []WorldFunction
	Options        ApplyOptions
}

// WorldPlatform is a platform. Secret and Ticket, its fixed verify ticket, are
// empty where the file has none: they stay as they are, but NoTicket takes the
// ticket away. A platform that is made needs a secret. Of With all but Secret counts.
type WorldPlatform struct {
	Line          int
	AppID, Secret string
	Ticket        string
	NoTicket      bool
	With          PlatformChange
}

// WorldMiniProgram is a Mini Program. Cloud nil leaves cloud development as
// it is, opened for a new one. Of With all but Cloud counts.
type WorldMiniProgram struct {
	Line  int
	AppID string
	Cloud *bool
	With  MiniProgramChange
}

// WorldEnvironment is an environment of an account. Open and Whitelist count
// when it is made; what was set over the wire since stays. They are nil where the
// file does not say them. Batch says that the account must be a platform, otherwise
// it must be a Mini Program.
type WorldEnvironment struct {
	Line        int
	ID, Account string
	Batch       bool
	Alias       Maybe[string]
	Runtime     Maybe[string]
	Open        *bool
	Whitelist   []string
}

// WorldAuthorization is an authorization in force, with its refresh token
// fixed unless empty. It counts when it is made: what was cancelled, narrowed or
// replaced since stays so. Sets is nil where the file has none, as it may for one
// that is there. NoRefresh says that there is to be no refresh token.
type WorldAuthorization struct {
	Line            int
	Platform, AppID string
	Sets            []int
	RefreshToken    string
	NoRefresh       bool
}

// WorldFunction is a function, with the merchant's own code unless Zip is
// empty. The code counts when the function is made, and when the file has other code
// than before. Zip is how the file names the code, Sum the SHA-256 that AddCode
// returned for it. The configuration counts when the function is made.
type WorldFunction struct {
	Line        int
	Env, Name   string
	Zip, Sum    string
	NoZip       bool              // there is to be no code
	Timeout     Maybe[int64]      // of one call, in seconds
	Environment Maybe[[]Variable] // never exported
	OpenAPI     Maybe[[]string]
	Triggers    Maybe[[]Trigger]
	// Only of what is exported: whom the environment belongs to, and what is stored of
	// the configuration.
	Account string
	Configs []SealedConfig
}

// AddSums gives each function the checksum of its zip, by the zip's name in the
// file.
func (w *World) AddSums(sums map[string]string) {
	for i, f := range w.Functions {
		if f.Zip != "" {
			w.Functions[i].Sum = sums[f.Zip]
		}
	}
}

// ApplyOptions is what applying a world does beyond what its file says. No file has
// them: they belong to one call.
type ApplyOptions struct {
	// Start is that a server does so at its start, of the file that it has always had:
	// code that was deployed since the file said its own stays.
	Start bool
	// DryRun changes nothing: the outcome is what would be changed.
	DryRun bool
	// Regrant brings authorizations that are there to what the file says: those
	// that were cancelled are given again.
	Regrant bool
	// KeepTokens leaves the component tokens of a platform good when its secret is
	// replaced.
	KeepTokens bool
}

// Outcome is what applying a world did, and what it did not.
type Outcome struct {
	Changes []Applied
	Left    []Applied // what the file says, and why it was not applied
}

// Applied is one change that a world file brought about, or did not.
type Applied struct {
	Item   string `json:"item"`   // "platform wx00000000000000c1"
	Change string `json:"change"` // "added"
}

// Change is one step of bringing the server to what a world file says. The
// list of its kinds is closed.
type Change interface{ isChange() }

// WorldStore carries out world files.
type WorldStore interface {
	// Apply carries out all changes of a world file, or none. It returns ErrStale
	// if one of them does not fit what is there any more, or code is not held.
	Apply(ctx context.Context, changes []Change, recs []Record) error
}

// PutPlatform adds a platform and its account, or replaces its secret and
// fixed ticket. With KeepSecret
// the secret stays, and the platform must be there. Unless VoidAt is 0, component tokens issued before that time
// (Unix milliseconds) are void.
type PutPlatform struct {
	Platform
	KeepSecret bool
	VoidAt     int64
	CreatedAt  int64 // of one that is added
}

// PutAccount adds a Mini Program's account, or opens or closes its cloud
// development.
type PutAccount struct{ Account }

// AddEnvironment adds an environment, and sets its account's switch unless
// Open is nil.
type AddEnvironment struct {
	Account, ID string
	Alias       string
	Runtime     string
	Open        *bool
	Whitelist   []string
}

// PutAlias replaces the alias of an environment.
type PutAlias struct{ Account, Env, Alias string }

// PutRuntime replaces the runtime of an environment; "": it has none of its own.
type PutRuntime struct{ Account, Env, Runtime string }

// PutAuthorization puts an authorization in force with these sets, and
// replaces its refresh token unless that is empty. OldEpoch and WasInForce
// are what the change was decided on; an OldEpoch of 0 is that there was none.
type PutAuthorization struct {
	Platform, AppID string
	OldEpoch        int64
	WasInForce      bool
	Sets            []int
	Refresh         RefreshToken
}

// PutFunction adds a function, or replaces the code of one that no platform
// owns. With Configs it only adds one, which has these.
type PutFunction struct {
	Function
	Configs []SealedConfig
}

// NoteFileCode notes that a function whose code has that SHA-256 has it from a world
// file too. It changes nothing of a function that has other code.
type NoteFileCode struct{ Account, Env, Name, Sum string }

func (NoteFileCode) isChange()     {}
func (AccountChange) isChange()    {}
func (PutPlatform) isChange()      {}
func (PutAlias) isChange()         {}
func (PutRuntime) isChange()       {}
func (PutAccount) isChange()       {}
func (AddEnvironment) isChange()   {}
func (PutAuthorization) isChange() {}
func (PutFunction) isChange()      {}

// WorldPages reads what a world file says, page by page, without secrets and without
// what is being removed. Each page goes on after the key of the last item of the one
// before.
type WorldPages interface {
	// WorldPlatforms is in the order of appids.
	WorldPlatforms(ctx context.Context, p Page) ([]WorldPlatform, error)
	// WorldMiniPrograms is in the order of appids.
	WorldMiniPrograms(ctx context.Context, p Page) ([]WorldMiniProgram, error)
	// WorldEnvironments is in the order of accounts and ids.
	WorldEnvironments(ctx context.Context, p Page) ([]WorldEnvironment, error)
	// WorldAuthorizations has those in force, in the order of appids and platforms.
	WorldAuthorizations(ctx context.Context, p Page) ([]WorldAuthorization, error)
	// WorldFunctions is in the order of accounts, environments and names. What they are
	// configured with is in Configs alone.
	WorldFunctions(ctx context.Context, p Page) ([]WorldFunction, error)
}

// exportPage is how many items of a world are in memory at a time.
const exportPage = 1000

// ExportWorld gives everything that a world file says to each, piece by piece, in the
// order of a file: without secrets, and without what is being removed. Applied, it
// changes nothing. The pieces are not of one moment: no change waits for them. An
// error of each ends it.
func (s *Service) ExportWorld(ctx context.Context, each func(World) error) error {
	steps := []func() error{
		func() error {
			return pages(ctx, s.store.WorldPlatforms, func(p WorldPlatform) []string { return []string{p.AppID} },
				func(items []WorldPlatform) error { return each(World{Platforms: items}) })
		},
		func() error {
			return pages(ctx, s.store.WorldMiniPrograms, func(m WorldMiniProgram) []string { return []string{m.AppID} },
				func(items []WorldMiniProgram) error { return each(World{MiniPrograms: items}) })
		},
		func() error {
			return pages(ctx, s.store.WorldEnvironments,
				func(e WorldEnvironment) []string { return []string{e.Account, e.ID} },
				func(items []WorldEnvironment) error { return each(World{Environments: items}) })
		},
		func() error {
			return pages(ctx, s.store.WorldAuthorizations,
				func(a WorldAuthorization) []string { return []string{a.AppID, a.Platform} },
				func(items []WorldAuthorization) error { return each(World{Authorizations: items}) })
		},
		func() error {
			return pages(ctx, s.store.WorldFunctions,
				func(f WorldFunction) []string { return []string{f.Account, f.Env, f.Name} },
				func(items []WorldFunction) error {
					if err := s.readConfigs(items); err != nil {
						return err
					}
					return each(World{Functions: items})
				})
		},
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return storeError("export the world", err)
		}
	}
	return nil
}

// pages gives all items of a list to each, a page at a time.
func pages[T any](
	ctx context.Context, read func(context.Context, Page) ([]T, error), key func(T) []string, each func([]T) error,
) error {
	for p := (Page{Limit: exportPage}); ; {
		items, err := read(ctx, p)
		if err != nil || len(items) == 0 {
			return err
		}
		if err := each(items); err != nil || len(items) < p.Limit {
			return err
		}
		p.After = key(items[len(items)-1])
	}
}
