// RUN: zkc opt -p gate-rows %s | filecheck %s
// RUN: zkc opt -p 'gate-rows{max-degree=1, max-times=0}' --verify-diagnostics %s

"circ.bus"() {sym_name = "link", fields = ["x"]} : () -> ()
"air.table"() ({
  %one = "air.column"() {name = "is_one", type = "bit"} : () -> !zkc.felt
  %two = "air.column"() {name = "is_two", type = "bit"} : () -> !zkc.felt
  %a = "air.column"() {name = "a", type = "felt"} : () -> !zkc.felt
  %b = "air.column"() {name = "b", type = "felt"} : () -> !zkc.felt
  %k = "felt.constant"() {value = 1} : () -> !zkc.felt
  %fails = "felt.sub"(%a, %k) : (!zkc.felt, !zkc.felt) -> !zkc.felt
  %defines = "felt.sub"(%b, %a) : (!zkc.felt, !zkc.felt) -> !zkc.felt
  // expected-error @+1 {{error[E0401]: `of one` has degree 2; the most is 1}}
  "air.constraint"(%a) {label = "of one", kind = "assert", arms = ["one"]} : (!zkc.felt) -> ()
  "air.constraint"(%a) {label = "holds on padding", kind = "assert"} : (!zkc.felt) -> ()
  // expected-error @+1 {{error[E0401]: `fails on padding` has degree 2; the most is 1}}
  "air.constraint"(%fails) {label = "fails on padding", kind = "assert"} : (!zkc.felt) -> ()
  "air.constraint"(%defines) {label = "a definition", kind = "definition"} : (!zkc.felt) -> ()
  // expected-error @+1 {{error[E0402]: the multiplicity of `recv` has degree 1; the most is 0}}
  "air.message"(%k, %a) {bus = @link, sign = -1, label = "recv", arms = ["two"]} : (!zkc.felt, !zkc.felt) -> ()
}) {sym_name = "t", arms = ["one", "two"]} : () -> ()

// CHECK:     %[[ONE:.*]] = "air.column"() {name = "is_one"
// CHECK:     %[[TWO:.*]] = "air.column"() {name = "is_two"
// CHECK:     %[[A:.*]] = "air.column"() {name = "a"
// CHECK:     %[[FAILS:.*]] = "felt.sub"(%[[A]]
// CHECK:     %[[DEFINES:.*]] = "felt.sub"({{.*}}, %[[A]])
// CHECK:     %[[ZERO:.*]] = "felt.constant"() {value = 0 : i64}
// CHECK:     %[[GATED:.*]] = "felt.mul"(%[[ONE]], %[[A]])
// CHECK:     "air.constraint"(%[[GATED]]) {label = "of one"
// CHECK:     "air.constraint"(%[[A]]) {label = "holds on padding"
// CHECK:     %[[REAL:.*]] = "felt.add"(%[[ONE]], %[[TWO]])
// CHECK:     %[[ROWS:.*]] = "felt.mul"(%[[FAILS]], %[[REAL]])
// CHECK:     "air.constraint"(%[[ROWS]]) {label = "fails on padding"
// CHECK:     "air.constraint"(%[[DEFINES]]) {label = "a definition"
// CHECK:     %[[TIMES:.*]] = "felt.sub"(%[[ZERO]], %[[TWO]])
// CHECK:     "air.message"(%[[TIMES]], %[[A]])
