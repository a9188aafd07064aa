package observe

import (
	"net/http"
	"os"
	"runtime"
)

// vars answers as package expvar does, which keeps one list for a whole process.
func (h *Handler) vars(w http.ResponseWriter, _ *http.Request) {
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	write(w, http.StatusOK, map[string]any{
		"cmdline":  os.Args,
		"memstats": &mem,
		"sig":      map[string]any{"status": h.srv.Status(), "stats": h.srv.Stats()},
	})
}
