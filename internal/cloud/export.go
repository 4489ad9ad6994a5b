package cloud

import "context"

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
	// WorldFunctions is in the order of accounts, environments and names.
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
				func(items []WorldFunction) error { return each(World{Functions: items}) })
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
