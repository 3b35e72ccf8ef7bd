"""What Numba's code calls, in place of functions in Numba's own library: memory of arrays, and shapes."""

from __future__ import annotations

from typing import Final

SUPPORT: Final = """
declare i8* @malloc(i64)
declare i8* @realloc(i8*, i64)
declare void @free(i8*)

define i8* @NRT_Allocate(i64 %size) {
  %block = call i8* @malloc(i64 %size)
  ret i8* %block
}

define i8* @NRT_Reallocate(i8* %block, i64 %size) {
  %new = call i8* @realloc(i8* %block, i64 %size)
  ret i8* %new
}

define i8* @NRT_MemInfo_alloc(i64 %size) {
  %block = call i8* @NRT_MemInfo_alloc_aligned(i64 %size, i32 64)
  ret i8* %block
}

define void @NRT_Free(i8* %block) {
  call void @free(i8* %block)
  ret void
}

; A header, which begins with the number of references, then words at a multiple of 64.
define i8* @NRT_MemInfo_alloc_aligned(i64 %size, i32 %align) {
  %room = add i64 %size, 128
  %block = call i8* @malloc(i64 %room)
  %missing = icmp eq i8* %block, null
  br i1 %missing, label %none, label %some
none:
  ret i8* null
some:
  %start = ptrtoint i8* %block to i64
  %past = add i64 %start, 127
  %data = and i64 %past, -64
  %words = bitcast i8* %block to i64*
  store i64 1, i64* %words
  %at.data = getelementptr i64, i64* %words, i64 3
  store i64 %data, i64* %at.data
  %at.size = getelementptr i64, i64* %words, i64 4
  store i64 %size, i64* %at.size
  ret i8* %block
}

define void @NRT_MemInfo_call_dtor(i8* %block) {
  call void @free(i8* %block)
  ret void
}

; Only called where Numba's wrappers make an exception of a failure.
define void @PyErr_SetString(i8* %kind, i8* %text) {
  ret void
}
@PyExc_RuntimeError = global i8 0

; 1 if the array is contiguous or empty, with the strides of its new shape.
define i32 @numba_attempt_nocopy_reshape(i64 %n, i64* %dims, i64* %strides, i64 %m, i64* %to, i64* %out, i64 %item, i32 %fortran) {
entry:
  br label %old
old:
  %i = phi i64 [ %n, %entry ], [ %i.next, %old.one ]
  %size = phi i64 [ %item, %entry ], [ %size.next, %old.one ]
  %whole = phi i1 [ true, %entry ], [ %whole.next, %old.one ]
  %old.done = icmp eq i64 %i, 0
  br i1 %old.done, label %new, label %old.one
old.one:
  %i.next = sub i64 %i, 1
  %at.dim = getelementptr i64, i64* %dims, i64 %i.next
  %dim = load i64, i64* %at.dim
  %at.stride = getelementptr i64, i64* %strides, i64 %i.next
  %stride = load i64, i64* %at.stride
  %size.next = mul i64 %size, %dim
  %fits = icmp eq i64 %stride, %size
  %single = icmp eq i64 %dim, 1
  %fine = or i1 %fits, %single
  %whole.next = and i1 %whole, %fine
  br label %old
new:
  %j = phi i64 [ %m, %old ], [ %j.next, %new.one ]
  %total = phi i64 [ %item, %old ], [ %total.next, %new.one ]
  %new.done = icmp eq i64 %j, 0
  br i1 %new.done, label %end, label %new.one
new.one:
  %j.next = sub i64 %j, 1
  %at.to = getelementptr i64, i64* %to, i64 %j.next
  %extent = load i64, i64* %at.to
  %at.out = getelementptr i64, i64* %out, i64 %j.next
  store i64 %total, i64* %at.out
  %total.next = mul i64 %total, %extent
  br label %new
end:
  %empty = icmp eq i64 %size, 0
  %known = or i1 %whole, %empty
  %same = icmp eq i64 %size, %total
  %good = and i1 %known, %same
  %yes = zext i1 %good to i32
  ret i32 %yes
}
"""
OUTSIDE: Final = frozenset({"malloc", "realloc", "free", "memcpy", "memmove", "memset"})
"""All that object code may call: what each process has."""
