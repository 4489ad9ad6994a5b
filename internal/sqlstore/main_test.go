package sqlstore

import (
	"testing"

	"github.com/opentcb/opentcb/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }
