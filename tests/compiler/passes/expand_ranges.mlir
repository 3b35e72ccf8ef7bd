// RUN: zkc opt -p expand-ranges %s | filecheck %s

"circ.type"() {sym_name = "u16", low = 0, high = 65535} : () -> ()
"circ.type"() {sym_name = "digit", low = 0, high = 9} : () -> ()
"circ.fixed"() {sym_name = "range", fields = ["bits", "v"]} : () -> ()
"circ.fixed"() {sym_name = "digit", fields = ["v"]} : () -> ()
"row.table"() ({
  %one = "row.is"() {arm = "one"} : () -> !zkc.felt
  %b = "row.column"() {name = "b", type = "bit"} : () -> !zkc.felt
  %w = "row.column"() {name = "w", type = "u16"} : () -> !zkc.felt
  %d = "row.column"() {name = "d", type = "digit"} : () -> !zkc.felt
  "row.range"(%b) {type = "bit", label = "b: bit"} : (!zkc.felt) -> ()
  "row.range"(%w) {type = "u16", label = "w: u16"} : (!zkc.felt) -> ()
  "row.arms"() ({
    "row.range"(%d) {type = "digit", label = "d: digit"} : (!zkc.felt) -> ()
    "row.yield"() : () -> ()
  }) {names = ["one"]} : () -> ()
}) {sym_name = "t", kind = "step"} : () -> ()

// CHECK:      "row.table"
// CHECK-NEXT: "row.is"
// CHECK-NEXT: %[[B:.*]] = "row.column"() {name = "b"
// CHECK-NEXT: %[[W:.*]] = "row.column"() {name = "w"
// CHECK-NEXT: %[[D:.*]] = "row.column"() {name = "d"
// CHECK:      %[[ONE:.*]] = "felt.constant"() {value = 1 : i64}
// CHECK:      %[[NOT:.*]] = "felt.sub"(%[[ONE]], %[[B]])
// CHECK:      %[[BIT:.*]] = "felt.mul"(%[[B]], %[[NOT]])
// CHECK:      %[[ZERO:.*]] = "felt.constant"() {value = 0 : i64}
// CHECK:      "row.assert"(%[[BIT]], %[[ZERO]]) {label = "b: bit is a bit", checks = true}
// CHECK:      %[[BITS:.*]] = "felt.constant"() {value = 16 : i64}
// CHECK:      "bus.lookup"(%[[ONE]], %[[BITS]], %[[W]]) {bus = @range, label = "w: u16", checks = true}
// CHECK:      "row.arms"
// CHECK-NEXT: "bus.lookup"(%[[ONE]], %[[D]]) {bus = @digit, label = "d: digit", checks = true}
// CHECK-NOT:  row.range
