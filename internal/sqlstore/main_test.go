package sqlstore

import (
	"testing"

	"github.com/opentcb/opentcb/internal/testserver"
)

func TestMain(m *testing.M) { testserver.Main(m) }
