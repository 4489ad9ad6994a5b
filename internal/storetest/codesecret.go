package storetest

import "github.com/opentcb/opentcb/internal/cloud"

func codeSecret(e *exam) {
	rec := e.rec("getcodesecret")
	got, err := e.store.AddCodeSecret(e.Context(), platform1, mini1, "sealed-one", rec)
	e.ok("AddCodeSecret", err)
	e.same("first", got, "sealed-one")
	e.wrote(rec)
	rec = e.rec("getcodesecret")
	got, err = e.store.AddCodeSecret(e.Context(), platform1, mini1, "sealed-two", rec)
	e.ok("AddCodeSecret", err)
	e.same("second", got, "sealed-one")
	e.wroteNot(rec)
	got, err = e.store.CodeSecret(e.Context(), platform1, mini1)
	e.ok("CodeSecret", err)
	e.same("read", got, "sealed-one")

	_, err = e.store.AddCodeSecret(e.Context(), platform2, mini2, "sealed", e.rec("getcodesecret"))
	e.fails("AddCodeSecret without an authorization", err, cloud.ErrNotFound)
	e.apply(cloud.PutAuthorization{Platform: platform2, AppID: mini2, Sets: []int{49}})
	won := e.together(func(i int) (bool, error) {
		mine := "sealed-" + ridOf(int64(i))
		got, err := e.store.AddCodeSecret(e.Context(), platform2, mini2, mine, e.rec("crowd"))
		return got == mine, err
	})
	if won != 1 {
		e.Errorf("%d of a crowd stored their key, want 1", won)
	}
	if n := len(e.records(all)); n != 2 {
		e.Errorf("%d records, want those of the two keys that were made", n)
	}
}

func codeSecretPerPair(e *exam) {
	pairs := [][2]string{{platform1, mini1}, {platform1, mini2}, {platform2, mini1}}
	for _, p := range pairs {
		_, err := e.store.AddCodeSecret(e.Context(), p[0], p[1], "sealed "+p[0]+p[1], e.rec("getcodesecret"))
		e.ok("AddCodeSecret", err)
	}
	e.revoke(platform1, mini1) // CS-7: the key outlives the authorization
	for _, p := range pairs {
		got, err := e.store.CodeSecret(e.Context(), p[0], p[1])
		e.ok("CodeSecret", err)
		e.same("key of the pair", got, "sealed "+p[0]+p[1])
	}
	_, err := e.store.CodeSecret(e.Context(), platform2, mini2)
	e.fails("key of a pair without one", err, cloud.ErrNotFound)
}
