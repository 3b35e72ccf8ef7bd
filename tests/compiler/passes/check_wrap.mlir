// RUN: zkc opt -p check-wrap --split-input-file --verify-diagnostics %s

"circ.type"() {sym_name = "u16", low = 0, high = 65535} : () -> ()
"row.table"() ({
  %a = "row.column"() {name = "a", type = "u16"} : () -> !zkc.felt
  %b = "row.column"() {name = "b", type = "u16"} : () -> !zkc.felt
  %k = "felt.constant"() {value = 65536} : () -> !zkc.felt
  %m = "felt.mul"(%k, %a) : (!zkc.felt, !zkc.felt) -> !zkc.felt
  "row.assert"(%a, %b) {label = "small"} : (!zkc.felt, !zkc.felt) -> ()
  // expected-error @+1 {{error[E0301]: this equation can hold without being true over the integers}}
  "row.assert"(%m, %b) {label = "wraps"} : (!zkc.felt, !zkc.felt) -> ()
}) {sym_name = "types", kind = "given"} : () -> ()

// -----

// A lookup of a number of bits bounds what follows it, not what is before it.
"circ.fixed"() {sym_name = "range", fields = ["bits", "v"]} : () -> ()
"row.table"() ({
  %a = "row.column"() {name = "a", type = "felt"} : () -> !zkc.felt
  %one = "felt.constant"() {value = 1} : () -> !zkc.felt
  %bits = "felt.constant"() {value = 14} : () -> !zkc.felt
  %k = "felt.constant"() {value = 131072} : () -> !zkc.felt
  %m = "felt.mul"(%k, %a) : (!zkc.felt, !zkc.felt) -> !zkc.felt
  "row.assert"(%m, %one) {label = "nothing is known"} : (!zkc.felt, !zkc.felt) -> ()
  "bus.lookup"(%one, %bits, %a) {bus = @range, label = "a"} : (!zkc.felt, !zkc.felt, !zkc.felt) -> ()
  // expected-error @below {{this equation can hold}}
  "row.assert"(%m, %one) {label = "2^17 (2^14 - 1)"} : (!zkc.felt, !zkc.felt) -> ()
}) {sym_name = "lookups", kind = "given"} : () -> ()

// -----

// What an arm shows is forgotten after it.
"row.table"() ({
  %is_one = "row.is"() {arm = "one"} : () -> !zkc.felt
  %is_two = "row.is"() {arm = "two"} : () -> !zkc.felt
  %a = "row.column"() {name = "a", type = "felt"} : () -> !zkc.felt
  %one = "felt.constant"() {value = 1} : () -> !zkc.felt
  %k = "felt.constant"() {value = 2130706433} : () -> !zkc.felt
  %zero = "felt.constant"() {value = 0} : () -> !zkc.felt
  %m = "felt.mul"(%k, %a) : (!zkc.felt, !zkc.felt) -> !zkc.felt
  %sum = "felt.add"(%m, %a) : (!zkc.felt, !zkc.felt) -> !zkc.felt
  "row.arms"() ({
    %not = "felt.sub"(%one, %a) : (!zkc.felt, !zkc.felt) -> !zkc.felt
    %bit = "felt.mul"(%a, %not) : (!zkc.felt, !zkc.felt) -> !zkc.felt
    "row.assert"(%bit, %zero) {label = "a bit"} : (!zkc.felt, !zkc.felt) -> ()
    // expected-error @+1 {{this equation can hold}}
    "row.assert"(%sum, %zero) {label = "of a bit"} : (!zkc.felt, !zkc.felt) -> ()
    "row.yield"() : () -> ()
  }, {
    "row.assert"(%sum, %zero) {label = "of anything"} : (!zkc.felt, !zkc.felt) -> ()
    "row.yield"() : () -> ()
  }) {names = ["one", "two"]} : () -> ()
}) {sym_name = "arms", kind = "step"} : () -> ()

// -----

// What holds only where something is 1 bounds nothing: neither an equation times that, nor a lookup as often as that.
"circ.type"() {sym_name = "u16", low = 0, high = 65535} : () -> ()
"circ.fixed"() {sym_name = "range", fields = ["bits", "v"]} : () -> ()
"row.table"() ({
  %a = "row.column"() {name = "a", type = "u16"} : () -> !zkc.felt
  %b = "row.column"() {name = "b", type = "u16"} : () -> !zkc.felt
  %s = "row.column"() {name = "s", type = "bit"} : () -> !zkc.felt
  %one = "felt.constant"() {value = 1} : () -> !zkc.felt
  %zero = "felt.constant"() {value = 0} : () -> !zkc.felt
  %k = "felt.constant"() {value = 65536} : () -> !zkc.felt
  %not = "felt.sub"(%one, %a) : (!zkc.felt, !zkc.felt) -> !zkc.felt
  %bit = "felt.mul"(%a, %not) : (!zkc.felt, !zkc.felt) -> !zkc.felt
  "row.assert"(%bit, %zero, %s) {label = "a bit, at times"} : (!zkc.felt, !zkc.felt, !zkc.felt) -> ()
  "bus.lookup"(%s, %one, %a) {bus = @range, label = "one bit, at times"} : (!zkc.felt, !zkc.felt, !zkc.felt) -> ()
  %m = "felt.mul"(%k, %a) : (!zkc.felt, !zkc.felt) -> !zkc.felt
  // expected-error @+1 {{this equation can hold}}
  "row.assert"(%m, %b) {label = "wraps all the same"} : (!zkc.felt, !zkc.felt) -> ()
}) {sym_name = "at_times", kind = "given"} : () -> ()
