# Markdown of the figures of ./dev bench all.

def rounded(digits): pow(10; digits) as $scale | (. * $scale | round) / $scale;
def thousands: "\(. / 1000 | rounded(1)) k";
def signed: if . < 0 then "\(.)" else "+\(.)" end;
def change: if .recorded == null then "no figure"
            else "\((.instructions / .recorded - 1) * 100 | rounded(1) | signed) %" end;
def whole(name): "| \(name) | \(.rows_per_s | thousands) | \(.plain_copy_rows_per_s | thousands) | \(.ratio | rounded(2)) |";

(if .short then ["**A short run: small amounts, measured once. No figures to quote.**", ""] else [] end)
+ ["`./dev bench all --json FILE\(if .short then " --short" else "" end)` of commit \(.commit): "
   + "\(.import.machine), PostgreSQL \(.import.server) on the same cores, load average \(.load_average) before it began.", "",
   "| Stage | Records/s and core | Time per record |", "|---|---|---|"]
+ [.stages[] | "| `\(.name)` | \(.records_per_s | thousands) | \(1e9 / .records_per_s | round) ns |"]
+ ["", "| Per record (`\(.guard.code)`) | Instructions | Against the recorded figure | Allocations |", "|---|---|---|---|"]
+ [.guard.stages[] | "| `\(.stage)` | \(.instructions) | \(change) | \(.allocations) |"]
+ ["", "\(.import.records) calls, \(.import.subscriptions) subscriptions, \(.import.prefixes) prefixes a plan; medians of \(.import.runs):", "",
   "| Whole | Rows/s | Plain COPY | Ratio |", "|---|---|---|---|",
   (.import | whole("`tallyd import`")), (.push | whole("HTTP push")), "",
   "A push of \(.push.batch) records over \(.push.connections) connections was acknowledged after "
   + "\(.push.acknowledged_ms | rounded(1)) ms (median), \(.push.acknowledged_99_ms | rounded(1)) ms (99 %). "
   + "Loading a plan of \(.load.prefixes) prefixes took \(.load.seconds | rounded(2)) s, and it occupies \(.load.megabytes | rounded(1)) MB."]
| .[]
