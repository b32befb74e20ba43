import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { ControllerMetrics } from "../../kube/controller.ts";

/** Named as controller-runtime names them, so that existing dashboards and alerts go on. */
export interface OperatorMetrics extends ControllerMetrics {
  readonly registry: Registry;
  /** @param count current number of objects of a kind in a phase */
  observePhases(count: () => ReadonlyMap<string, ReadonlyMap<string, number>>): void;
}

export function createMetrics(): OperatorMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const total = new Counter({
    name: "controller_runtime_reconcile_total",
    help: "Reconciliations per controller and result",
    labelNames: ["controller", "result"],
    registers: [registry],
  });
  const errors = new Counter({
    name: "controller_runtime_reconcile_errors_total",
    help: "Failed reconciliations per controller",
    labelNames: ["controller"],
    registers: [registry],
  });
  const duration = new Histogram({
    name: "controller_runtime_reconcile_time_seconds",
    help: "Duration of reconciliations per controller",
    labelNames: ["controller"],
    buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300],
    registers: [registry],
  });
  return {
    registry,
    reconciled(controller, outcome, durationMs) {
      const isError = outcome === "error" || outcome === "terminal-error";
      total.inc({ controller, result: isError ? "error" : outcome === "requeue" ? "requeue_after" : "success" });
      if (isError) errors.inc({ controller });
      duration.observe({ controller }, durationMs / 1000);
    },
    observePhases(count) {
      new Gauge({
        name: "vmfr_objects",
        help: "Custom resources per kind and phase",
        labelNames: ["kind", "phase"],
        registers: [registry],
        collect() {
          this.reset();
          for (const [kind, phases] of count()) for (const [phase, n] of phases) this.set({ kind, phase }, n);
        },
      });
    },
  };
}
