module hubbub.internal/services/presence

go 1.26.0

require hubbub.internal/libs v0.0.0-00010101000000-000000000000

require (
	github.com/prometheus/client_golang v1.25.0 // indirect
	go.uber.org/multierr v1.10.0 // indirect
	go.uber.org/zap v1.28.0 // indirect
)

replace hubbub.internal/libs => ../../libs
