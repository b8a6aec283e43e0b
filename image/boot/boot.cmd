# U-Boot runs this from the partition `boot`, both from our environment and from U-Boot's own search for a boot script.
# ${extra} is for kernel parameters of one run.
test -n "${devtype}" || setenv devtype virtio
test -n "${devnum}" || setenv devnum 0
part number ${devtype} ${devnum} bootA kernelpart
setenv bootargs "console=ttyAMA0 quiet loglevel=3 panic=5 ro rootwait rootfstype=squashfs root=PARTLABEL=rootA init=/sbin/linuxrc ${extra}"
if load ${devtype} ${devnum}:${kernelpart} ${kernel_addr_r} Image; then booti ${kernel_addr_r} - ${fdtcontroladdr}; fi
echo "The kernel did not start"
sleep 5
reset
