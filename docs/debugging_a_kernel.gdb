# The session of debugging_a_kernel.md: gdb -x docs/debugging_a_kernel.gdb build/release/tests/debugged_kernel
set pagination off
set width 0
set trace-commands on
break multiply if threadIdx.x == 3 && blockIdx.x == 1
run
print threadIdx
print blockIdx
next 6
info locals
delete
next
print threadIdx
print b_tile.values
tbreak 25 if threadIdx.x == 3 && threadIdx.y == 2 && blockIdx.x == 1
continue
print sum
catch throw
set variable row = 8
continue
frame function multiply
print threadIdx
delete
continue
