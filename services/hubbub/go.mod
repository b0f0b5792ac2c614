module hubbub.internal/services/hubbub

go 1.26.0

require hubbub.internal/libs v0.0.0-00010101000000-000000000000

replace hubbub.internal/libs => ../../libs
replace hubbub.internal/services/edge => ../edge
replace hubbub.internal/services/history => ../history
replace hubbub.internal/services/presence => ../presence
replace hubbub.internal/services/directory => ../directory
