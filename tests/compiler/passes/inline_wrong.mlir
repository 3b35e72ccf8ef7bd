// RUN: zkc opt --verify-diagnostics --split-input-file -p inline %s

// A gadget that calls itself, and one that there is not.

"circ.gadget"() ({
  // expected-error @+1 {{the gadget `again` calls itself}}
  "circ.call"() {callee = @again} : () -> ()
  "circ.return"() : () -> ()
}) {sym_name = "again", params = [], types = [], outputs = [], results = []} : () -> ()
"circ.table"() ({
  "circ.call"() {callee = @again} : () -> ()
}) {sym_name = "t", kind = "given"} : () -> ()

// -----

"circ.table"() ({
  // expected-error @+1 {{@missing is declared nowhere}}
  "circ.call"() {callee = @missing} : () -> ()
}) {sym_name = "u", kind = "given"} : () -> ()

// -----

"circ.table"() ({
  %x = "circ.input"() {name = "x", type = "felt"} : () -> !zkc.felt
  %one = "circ.number"() {value = 1} : () -> !zkc.felt
  // expected-error @+1 {{loop bounds are constants}}
  %stop = "circ.bound"(%x) : (!zkc.felt) -> !zkc.felt
  "circ.for"(%one, %stop) ({
  ^bb0(%i: !zkc.felt):
    "circ.yield"() : () -> ()
  }) : (!zkc.felt, !zkc.felt) -> ()
}) {sym_name = "t", kind = "given"} : () -> ()
"circ.table"() ({
  %k = "circ.number"() {value = 3} : () -> !zkc.int
  // expected-error @+1 {{rows of this table are not executed}}
  "circ.retire"(%k) : (!zkc.int) -> ()
}) {sym_name = "u", kind = "given"} : () -> ()

// -----

"circ.struct"() {sym_name = "u32", fields = ["lo", "hi"], types = ["felt", "felt"]} : () -> ()
"circ.table"() ({
  %x = "circ.input"() {name = "x", type = "u32"} : () -> !zkc.struct.u32
  // expected-error @+1 {{no gadget proves `u32 + u32`}}
  %y = "circ.binary"(%x, %x) {operator = "+"} : (!zkc.struct.u32, !zkc.struct.u32) -> !zkc.any
}) {sym_name = "t", kind = "given"} : () -> ()

// -----

"circ.gadget"() ({
^bb0(%a: !zkc.felt):
  "circ.return"() : () -> ()
}) {sym_name = "g", params = ["a"], types = ["felt"], outputs = [], results = []} : () -> ()
"circ.table"() ({
  // expected-error @+1 {{`params` of @g are 1, here are 0}}
  "circ.call"() {callee = @g} : () -> ()
  %i = "circ.number"() {value = 3} : () -> !zkc.int
  %f = "circ.number"() {value = 3} : () -> !zkc.felt
  // expected-error @+1 {{reads all as integers, or none}}
  %s = "circ.binary"(%i, %f) {operator = "+"} : (!zkc.int, !zkc.felt) -> !zkc.int
  // expected-error @+1 {{a region ends with `circ.yield` of 1 value}}
  %h = "circ.hint"() ({}) {name = "h", type = "felt"} : () -> !zkc.felt
  // expected-error @+1 {{the type `u9` is declared nowhere}}
  %x = "circ.input"() {name = "x", type = "u9"} : () -> !zkc.felt
}) {sym_name = "t", kind = "given"} : () -> ()
