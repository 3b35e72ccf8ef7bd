// RUN: zkc opt -p lower-fill %s | filecheck %s

"circ.fixed"() {sym_name = "range", fields = ["bits", "v"]} : () -> ()
"row.index"() ({
^bb0(%bits: !zkc.int, %v: !zkc.int):
  %one = "int.constant"() {value = 1} : () -> !zkc.int
  %start = "int.shl"(%one, %bits) : (!zkc.int, !zkc.int) -> !zkc.int
  %row = "int.add"(%start, %v) : (!zkc.int, !zkc.int) -> !zkc.int
  "row.yield"(%row) : (!zkc.int) -> ()
}) {sym_name = "range"} : () -> ()
"row.table"() ({
  %x = "row.given"() {name = "x", low = 0, high = 100} : () -> !zkc.int
  %y = "row.given"() {name = "y", low = 0, high = 7} : () -> !zkc.int
  %sum = "int.add"(%x, %y) : (!zkc.int, !zkc.int) -> !zkc.int
  %a = "row.column"(%sum) {name = "a", type = "felt", slot = 0} : (!zkc.int) -> !zkc.felt
  %b = "row.column"(%y) {name = "b", type = "felt", slot = 1} : (!zkc.int) -> !zkc.felt
  %one = "felt.constant"() {value = 1} : () -> !zkc.felt
  %bits = "felt.constant"() {value = 3} : () -> !zkc.felt
  "bus.lookup"(%one, %bits, %b) {bus = @range, label = "b"} : (!zkc.felt, !zkc.felt, !zkc.felt) -> ()
  %square = "felt.mul"(%a, %a) : (!zkc.felt, !zkc.felt) -> !zkc.felt
  %cube = "felt.mul"(%square, %a) : (!zkc.felt, !zkc.felt) -> !zkc.felt
  %c = "row.commit"(%cube) {slot = 2} : (!zkc.felt) -> !zkc.felt
}) {sym_name = "t", kind = "given"} : () -> ()

// CHECK:      "fill.table"
// CHECK-NEXT: "fill.func"
// CHECK-DAG:  %[[X:.*]] = "fill.record"() {word = 0 : i64, high = 100 : i64}
// CHECK-DAG:  %[[Y:.*]] = "fill.record"() {word = 1 : i64, high = 7 : i64}
// CHECK-DAG:  %[[SUM:.*]] = "int.add"(%[[X]], %[[Y]])
// CHECK:      "fill.write"(%[[SUM]]) {column = 0 : i64}
// CHECK:      "fill.write"(%[[Y]]) {column = 1 : i64}
// CHECK:      %[[ROW:.*]] = "int.add"({{.*}}, %[[Y]])
// CHECK:      "fill.count"(%[[ROW]], {{.*}}) {table = @range}
// CHECK:      "fill.polynomials"
// CHECK-NEXT: %[[A:.*]] = "fill.column"() {column = 0 : i64}
// CHECK-NEXT: %[[SQUARE:.*]] = "felt.mul"(%[[A]], %[[A]])
// CHECK-NEXT: %[[CUBE:.*]] = "felt.mul"({{.*}})
// CHECK-NEXT: "fill.computed"(%[[CUBE]]) {column = 2 : i64}
// CHECK:      {sym_name = "t", record_words = 2 : i64}
// CHECK-NOT:  row.
