package busurl

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
)

func openRedis(context.Context, Config, *zap.Logger, prometheus.Registerer, []string) (bus.Bus, error) {
	return nil, errors.New("the Redis driver is not part of this build")
}
