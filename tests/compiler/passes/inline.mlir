// RUN: zkc opt -p inline --split-input-file %s | filecheck %s
// RUN: zkc opt --verify-diagnostics --split-input-file -p inline %S/inline_wrong.mlir

// A gadget is inlined, and what its spec says stands at the columns that it is made of.

"circ.type"() {sym_name = "u8", low = 0, high = 255} : () -> ()
"circ.fixed"() {sym_name = "range", fields = ["bits", "v"], types = ["felt", "felt"]} : () -> ()
"circ.gadget"() ({
^bb0(%a: !zkc.felt):
  %m = "circ.spec"() ({
    %i = "circ.integer"(%a) : (!zkc.felt) -> !zkc.int
    %two = "circ.number"() {value = 2} : () -> !zkc.int
    %q = "circ.binary"(%i, %two) {operator = "/"} : (!zkc.int, !zkc.int) -> !zkc.int
    "circ.yield"(%q) : (!zkc.int) -> ()
  }) {name = "half"} : () -> !zkc.int
  %h = "circ.hint"() ({
    "circ.yield"(%m) : (!zkc.int) -> ()
  }) {name = "half", type = "u8"} : () -> !zkc.felt
  %o = "circ.output"(%h, %m) {name = "half", type = "u8"} : (!zkc.felt, !zkc.int) -> !zkc.felt
  "circ.return"(%o) : (!zkc.felt) -> ()
}) {sym_name = "halved", params = ["a"], types = ["u8"], outputs = ["half"], results = ["u8"]} : () -> ()
"circ.table"() ({
  %x = "circ.input"() {name = "x", type = "u8"} : () -> !zkc.felt
  %h = "circ.call"(%x) {callee = @halved} : (!zkc.felt) -> !zkc.felt
  "circ.assert"(%h, %x) {label = "both are 0"} : (!zkc.felt, !zkc.felt) -> ()
}) {sym_name = "t", kind = "given"} : () -> ()

// CHECK-NOT:  circ.gadget
// CHECK:      "row.table"
// CHECK-NEXT: %[[X:.*]] = "row.given"() {name = "x", low = 0 : i64, high = 255 : i64}
// CHECK-NEXT: %[[C:.*]] = "row.column"(%[[X]]) {name = "x", type = "u8", because = "given by the runtime"}
// CHECK-NEXT: "row.range"(%[[C]]) {type = "u8", label = "x: u8"}
// CHECK-NEXT: "int.constant"() {value = 2 : i64}
// CHECK-NEXT: %[[Q:.*]] = "int.floordiv"(%[[X]]) {by = 2 : i64}
// CHECK-NEXT: %[[H:.*]] = "row.column"(%[[Q]]) {name = "half", type = "u8"}
// CHECK-NEXT: "row.range"(%[[H]])
// CHECK-NEXT: %[[M:.*]] = "row.meaning"(%[[H]], %[[Q]])
// CHECK-NEXT: "row.assert"(%[[M]], %[[C]]) {label = "both are 0"}
// CHECK-NEXT: }) {sym_name = "t", kind = "given"}

// -----

// A loop is unrolled: what goes from round to round is another value in each. A condition is a constant, and what it does not choose is gone.

"circ.const"() {sym_name = "rounds", value = [5, 2]} : () -> ()
"circ.table"() ({
  %x = "circ.input"() {name = "x", type = "felt"} : () -> !zkc.felt
  %all = "circ.constant"() {name = "rounds"} : () -> !zkc.array.felt
  %one = "circ.number"() {value = 1} : () -> !zkc.felt
  %zero = "circ.number"() {value = 0} : () -> !zkc.felt
  %count = "circ.element"(%all, %one) : (!zkc.array.felt, !zkc.felt) -> !zkc.felt
  %start = "circ.bound"(%zero) : (!zkc.felt) -> !zkc.felt
  %stop = "circ.bound"(%count) : (!zkc.felt) -> !zkc.felt
  %power = "circ.for"(%start, %stop, %x) ({
  ^bb0(%i: !zkc.felt, %y: !zkc.felt):
    %next = "circ.if"(%i) ({
      %square = "circ.binary"(%y, %y) {operator = "*"} : (!zkc.felt, !zkc.felt) -> !zkc.felt
      "circ.yield"(%square) : (!zkc.felt) -> ()
    }, {
      %more = "circ.binary"(%y, %one) {operator = "+"} : (!zkc.felt, !zkc.felt) -> !zkc.felt
      "circ.yield"(%more) : (!zkc.felt) -> ()
    }) : (!zkc.felt) -> !zkc.felt
    "circ.yield"(%next) : (!zkc.felt) -> ()
  }) : (!zkc.felt, !zkc.felt, !zkc.felt) -> !zkc.felt
  "circ.assert"(%power, %x) {label = "(x + 1)^2 is x"} : (!zkc.felt, !zkc.felt) -> ()
}) {sym_name = "t", kind = "given"} : () -> ()

// CHECK:      "row.table"
// CHECK:      %[[X:.*]] = "row.column"
// CHECK-NEXT: %[[ONE:.*]] = "felt.constant"() {value = 1 : i64}
// CHECK-NEXT: %[[A:.*]] = "felt.add"(%[[X]], %[[ONE]])
// CHECK-NEXT: %[[B:.*]] = "felt.mul"(%[[A]], %[[A]])
// CHECK-NEXT: "row.assert"(%[[B]], %[[X]])
// CHECK-NEXT: })

// -----

// A frame goes around an arm: `unread` is an operand that no body gets, so nothing is loaded for it. What the arm sets is the frame's result.

"circ.struct"() {sym_name = "word", fields = ["lo", "hi"], types = ["felt", "felt"]} : () -> ()
"circ.bus"() {sym_name = "memory", fields = ["a", "v", "t", "m"], remembers = "a", params = ["a", "v", "t", "m"], types = ["felt", "felt", "felt", "felt"]} : () -> ()
"circ.insn"() {sym_name = "double", op = 7} : () -> ()
"circ.frame"() ({
  %unread = "circ.operand"() ({
    %a = "circ.number"() {value = 1} : () -> !zkc.int
    %e = "circ.latest"(%a) {bus = @memory} : (!zkc.int) -> !zkc.entry
    %v = "circ.field"(%e) {name = "value"} : (!zkc.entry) -> !zkc.felt
    "circ.yield"(%v) : (!zkc.felt) -> ()
  }) {name = "unread", type = "felt"} : () -> !zkc.felt
  %clk = "circ.input"() {name = "clk", type = "felt"} : () -> !zkc.felt
  "circ.body"(%unread, %clk) {names = ["unread", "clk"]} : (!zkc.felt, !zkc.felt) -> ()
  %out = "circ.result"() ({}, {
  ^bb0(%r: !zkc.felt):
    "circ.assert"(%r, %clk) {label = "the result is the clock"} : (!zkc.felt, !zkc.felt) -> ()
  }) {name = "out", type = "felt"} : () -> !zkc.felt
}) {sym_name = "instruction", fields = [], type = "word"} : () -> ()
"circ.family"() ({
  "circ.arm"() ({
    %clk = "circ.get"() {name = "clk"} : () -> !zkc.felt
    %two = "circ.number"() {value = 2} : () -> !zkc.felt
    %t = "circ.binary"(%clk, %two) {operator = "*"} : (!zkc.felt, !zkc.felt) -> !zkc.felt
    "circ.set"(%t) {name = "out"} : (!zkc.felt) -> ()
  }) {name = "double"} : () -> ()
}) {sym_name = "doubles", uses = []} : () -> ()

// CHECK:      "row.table"
// CHECK-NEXT: "row.is"() {arm = "double"}
// CHECK-NOT:  step.load
// CHECK:      %[[CLK:.*]] = "row.column"(%{{.*}}) {name = "clk", type = "felt"
// CHECK:      %[[ARMS:.*]]:2 = "row.arms"() ({
// CHECK:      %[[T:.*]] = "felt.mul"(%[[CLK]],
// CHECK:      "row.result"(%[[T]]) {name = "out"}
// CHECK:      }) {names = ["double"]}
// CHECK:      %[[R:.*]] = "row.merge"(%[[ARMS]]#0) {name = "out"}
// CHECK:      "row.assert"({{.*}}) {label = "the result is the clock"}
// CHECK:      }) {sym_name = "doubles", kind = "step"}
