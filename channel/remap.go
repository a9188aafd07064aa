package channel

import (
	"os"
	"strings"

	"github.com/sigrouter/sigrouter/sig"
)

// MapVariable is the environment variable that Join reads a map from, when its options
// give none.
const MapVariable = "SIG_MAP"

// ParseMap reads a map of channel names as it stands in the environment:
// "from=to;from2=to2". Empty parts are skipped.
func ParseMap(text string) (map[string]string, error) {
	names := map[string]string{}
	for part := range strings.SplitSeq(text, ";") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		from, to, ok := strings.Cut(part, "=")
		from, to = strings.TrimSpace(from), strings.TrimSpace(to)
		switch {
		case !ok || from == "" || to == "":
			return nil, sig.Errorf(sig.ErrInvalid, "%q is no mapping; write from=to, several divided by semicolons", part)
		case names[from] != "":
			return nil, sig.Errorf(sig.ErrInvalid, "%q is mapped twice, to %q and to %q", from, names[from], to)
		}
		if err := checkNames(to, ""); err != nil {
			return nil, err
		}
		names[from] = to
	}
	return names, nil
}

func mapFromEnvironment() (map[string]string, error) {
	names, err := ParseMap(os.Getenv(MapVariable))
	if err != nil {
		return nil, sig.Errorf(sig.ErrInvalid, "environment variable %s: %v", MapVariable, err)
	}
	return names, nil
}
