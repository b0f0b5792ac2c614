module hubbub.internal/services/history

go 1.26.0

require hubbub.internal/libs v0.0.0-00010101000000-000000000000

replace hubbub.internal/libs => ../../libs
