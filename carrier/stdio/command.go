package stdio

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/sigrouter/sigrouter/internal/words"
)

// commandOf returns the program and its arguments that an exec: address names. What
// follows the colon is the command, with %25 for a per cent sign, as in every URL.
func commandOf(u *url.URL) ([]string, error) {
	if u.Host != "" || u.User != nil {
		return nil, errors.New("exec: addresses have no //; write exec:./thermo --fast")
	}
	text := u.Path
	if u.Opaque != "" {
		var err error
		if text, err = url.PathUnescape(u.Opaque); err != nil {
			return nil, fmt.Errorf("exec: %w; write %%25 for a per cent sign", err)
		}
	}
	if u.RawQuery != "" || u.ForceQuery { // a question mark is one of the command's
		text += "?" + u.RawQuery
	}
	if u.Fragment != "" {
		text += "#" + u.Fragment
	}
	command, err := words.Split(text)
	if err != nil {
		return nil, fmt.Errorf("exec: %s: %w", text, err)
	}
	if len(command) == 0 || command[0] == "" {
		return nil, errors.New("exec: names no command; write exec:./thermo --fast")
	}
	return command, nil
}
