"circ.fixed"() {sym_name = "range", fields = ["bits", "v"]} : () -> ()
"row.table"() ({
  %0 = "row.given"() {name = "a", low = 0 : i64, high = 255 : i64} : () -> !zkc.int
  %1 = "row.column"(%0) {name = "a", type = "felt"} : (!zkc.int) -> !zkc.felt
  %2 = "felt.constant"() {value = 1 : i64} : () -> !zkc.felt
  %3 = "felt.constant"() {value = 8 : i64} : () -> !zkc.felt
  "bus.lookup"(%2, %3, %1) {bus = @range, label = "a byte"} : (!zkc.felt, !zkc.felt, !zkc.felt) -> ()
  "bus.lookup"(%2, %3, %1) {bus = @range, label = "a byte, once more"} : (!zkc.felt, !zkc.felt, !zkc.felt) -> ()
}) {sym_name = "bytes", kind = "given"} : () -> ()
