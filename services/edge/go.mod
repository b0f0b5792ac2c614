module hubbub.internal/services/edge

go 1.26.0

require (
	github.com/gobwas/ws v1.5.0
	hubbub.internal/libs v0.0.0-00010101000000-000000000000
)

require golang.org/x/sys v0.49.0 // indirect

replace hubbub.internal/libs => ../../libs
