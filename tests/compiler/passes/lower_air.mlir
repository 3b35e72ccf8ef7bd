// RUN: zkc opt -p lower-air %s | filecheck %s
// RUN: not zkc opt -p lower-air %S/share_columns.mlir | filecheck %s --check-prefix=NUMBERS
// RUN: not zkc opt -p share-columns,lower-air %S/expand_ranges.mlir | filecheck %s --check-prefix=RANGES

"circ.bus"() {sym_name = "link", fields = ["x"]} : () -> ()
"row.table"() ({
  %one = "row.is"() {arm = "one", slot = 0} : () -> !zkc.felt
  %two = "row.is"() {arm = "two", slot = 1} : () -> !zkc.felt
  %r = "row.arms"() ({
    %a = "row.column"() {name = "a", type = "felt", slot = 2} : () -> !zkc.felt
    "bus.send"(%one, %a) {bus = @link, label = "send link"} : (!zkc.felt, !zkc.felt) -> ()
    "row.yield"(%a) : (!zkc.felt) -> ()
  }, {
    %b = "row.column"() {name = "b", type = "felt", slot = 2} : () -> !zkc.felt
    %square = "felt.mul"(%b, %b) : (!zkc.felt, !zkc.felt) -> !zkc.felt
    %c = "row.commit"(%square) {slot = 3} : (!zkc.felt) -> !zkc.felt
    "bus.recv"(%two, %c) {bus = @link, label = "recv link"} : (!zkc.felt, !zkc.felt) -> ()
    "row.assert"(%b, %c, %one) {label = "equal"} : (!zkc.felt, !zkc.felt, !zkc.felt) -> ()
    "row.yield"(%c) : (!zkc.felt) -> ()
  }) {names = ["one", "two"]} : () -> !zkc.felt
  %x = "row.merge"(%r) {name = "x", slot = 4} : (!zkc.felt) -> !zkc.felt
}) {sym_name = "t", kind = "step"} : () -> ()

// CHECK:      "air.table"
// CHECK-NEXT: %[[ONE:.*]] = "air.column"() {name = "is_one", type = "bit"}
// CHECK-NEXT: %[[TWO:.*]] = "air.column"() {name = "is_two", type = "bit"}
// CHECK-NEXT: %[[AB:.*]] = "air.column"() {name = "a|b", type = "felt"}
// CHECK-NEXT: %[[C:.*]] = "air.column"() {name = "column", type = "felt"}
// CHECK-NEXT: %[[X:.*]] = "air.column"() {name = "x", type = "felt"}
// CHECK:      "air.constraint"({{.*}}) {label = "a selector is a bit", kind = "selector"}
// CHECK:      "air.constraint"({{.*}}) {label = "a selector is a bit", kind = "selector"}
// CHECK:      "air.constraint"({{.*}}) {label = "a row is at most one instruction", kind = "selector"}
// CHECK:      "air.message"(%[[ONE]], %[[AB]]) {bus = @link, sign = 1 : i64, label = "send link", arms = ["one"]}
// CHECK:      %[[SQUARE:.*]] = "felt.mul"(%[[AB]], %[[AB]])
// CHECK:      %[[DIFFERENCE:.*]] = "felt.sub"(%[[C]], %[[SQUARE]])
// CHECK:      "air.constraint"(%[[DIFFERENCE]]) {label = "a column for an intermediate value", kind = "column", arms = ["two"]}
// CHECK:      "air.message"(%[[TWO]], %[[C]]) {bus = @link, sign = -1 : i64, label = "recv link", arms = ["two"]}
// CHECK:      %[[EQUAL:.*]] = "felt.sub"(%[[AB]], %[[C]])
// CHECK:      %[[TIMES:.*]] = "felt.mul"(%[[ONE]], %[[EQUAL]])
// CHECK:      "air.constraint"(%[[TIMES]]) {label = "equal", kind = "assert", arms = ["two"]}
// CHECK:      "air.constraint"({{.*}}) {label = "x of one", kind = "result", arms = ["one"]}
// CHECK:      "air.constraint"({{.*}}) {label = "x of two", kind = "result", arms = ["two"]}
// CHECK:      {sym_name = "t", arms = ["one", "two"]}
// CHECK-NOT:  row.

// NUMBERS: error[E0703]: `lower-air` comes after `share-columns`: this column has no number
// RANGES: error[E0703]: `lower-air` comes after `expand-ranges`: this is still here
