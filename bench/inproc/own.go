package inproc

// OwnRouter returns the adapters of this project's router.
func OwnRouter() Own {
	direct, channel := Baselines()
	return Own{Now: []Adapter{direct}, Queued: []Adapter{channel}, Requests: []Adapter{direct}}
}
